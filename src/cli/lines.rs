//! Standard input, line by line.

use std::io::{self, Read};

/// Text read at once: enough lines that all workers are busy, little enough to hold.
const CHUNK_BYTES: usize = 1 << 20;

/// Hands the lines of `input` to `take`, in order, in chunks of what is there: a slow pipe is answered line by line, a
/// file by the megabyte. Holds one chunk and the longest line; what is not UTF-8 is replaced.
pub(super) fn in_chunks(
    mut input: impl Read,
    mut take: impl FnMut(&[&str]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut lines = Vec::new();
    loop {
        let read = match input.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let (new, _) = buffer.split_at(read);
        // What follows the last line feed waits for its own; at the end of the input it is a line.
        let whole = new.iter().rposition(|&byte| byte == b'\n').map_or(0, |n| n + 1);
        if whole == 0 && read > 0 {
            lines.extend_from_slice(new);
            continue;
        }
        let (new, rest) = new.split_at(whole);
        lines.extend_from_slice(new);
        let text = String::from_utf8_lossy(&lines);
        let there: Vec<&str> = text.lines().collect();
        if !there.is_empty() {
            take(&there)?;
        }
        if read == 0 {
            return Ok(());
        }
        lines = rest.to_vec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one piece a read.
    struct Pieces(Vec<&'static [u8]>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            self.0.remove(0).read(buffer)
        }
    }

    fn chunks(pieces: &[&'static [u8]]) -> Vec<Vec<String>> {
        let mut chunks = Vec::new();
        let take = |lines: &[&str]| {
            chunks.push(lines.iter().map(ToString::to_string).collect());
            Ok(())
        };
        in_chunks(Pieces(pieces.to_vec()), take).unwrap();
        chunks
    }

    #[test]
    fn lines_come_as_soon_as_they_are_whole() {
        assert_eq!(chunks(&[b"one\ntw", b"o\r\n\nthree"]), [vec!["one"], vec!["two", ""], vec!["three"]]);
    }

    #[test]
    fn an_empty_input_has_no_lines() {
        assert_eq!(chunks(&[]), Vec::<Vec<String>>::new());
    }

    #[test]
    fn a_character_cut_by_a_read_is_whole_again_and_what_is_no_text_is_replaced() {
        assert_eq!(chunks(&[b"\xc3", b"\xa9\n", b"\xff\n"]), [vec!["é"], vec!["\u{fffd}"]]);
    }
}
