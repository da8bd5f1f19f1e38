//! What a whole reply offers: its length, and the choices it lists.

/// How much of a reply is read, in bytes.
pub(super) const READ: usize = 64 << 10;

/// How many choices are told, and how many characters of each.
const CHOICES: usize = 20;
const CHOICE: usize = 80;

/// The choices that a reply lists, line by line, as they can be named in a sentence: the first words of each item, up to
/// where it is explained. None where it lists fewer than two.
pub(super) fn options(reply: &str) -> Vec<String> {
    let listed: Vec<_> = reply.lines().filter_map(item).filter_map(name).take(CHOICES).collect();
    if listed.len() < 2 { Vec::new() } else { listed }
}

/// What stands behind the mark of a line of a list: a bullet, or a number or letter with a stop.
fn item(line: &str) -> Option<&str> {
    let line = line.trim_start();
    if let Some(rest) = ["- ", "* ", "+ ", "• ", "– "].iter().find_map(|bullet| line.strip_prefix(bullet)) {
        return Some(rest);
    }
    let mark = line.find(['.', ')'])?;
    let (number, rest) = line.split_at_checked(mark)?;
    let is_number = !number.is_empty() && number.len() <= 2 && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_letter = number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_alphabetic());
    rest.get(1..).filter(|rest| (is_number || is_letter) && rest.starts_with(' '))
}

/// The name of an item: what is written strongly, or what stands before a dash or a colon, or a short item whole.
fn name(item: &str) -> Option<String> {
    let item = item.trim();
    let strong = item.strip_prefix("**").and_then(|rest| rest.split_once("**")).map(|(strong, _)| strong);
    let end = [": ", " - ", " – ", " — ", " ("].iter().filter_map(|mark| item.find(mark)).min();
    let name = strong.or_else(|| item.get(..end?)).unwrap_or(item);
    let name = name.trim().trim_end_matches(['.', ':', ';', ',', '?', '!']).replace(['*', '`'], "");
    // One that is long has no name, and its first words stand for it.
    let end = name.char_indices().nth(CHOICE).map_or(name.len(), |(end, _)| end);
    let end = if end < name.len() { name.get(..end).and_then(|name| name.rfind(' ')).unwrap_or(end) } else { end };
    name.get(..end).filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Whether its last sentence asks something.
pub(super) fn ends_with_question(reply: &str) -> bool {
    reply
        .trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | '*' | '_' | '”'))
        .ends_with('?')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_the_items_of_a_list_by_their_names() {
        let reply = "You could take:\n\n1. **Basic**: 10 euros a month\n2. Plus - 20 euros\n3) Max (best)\n\nTell me.";
        assert_eq!(options(reply), ["Basic", "Plus", "Max"]);
        assert_eq!(options("- red\n- blue."), ["red", "blue"]);
        assert_eq!(options("a) red\nb) blue"), ["red", "blue"]);
        for none in ["", "- one alone", "It is 3.5 km.\nAt 4. p.m.", "No list - at all\nhere - either"] {
            assert!(options(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn a_question_may_be_followed_by_quotes() {
        assert!(
            ends_with_question("Shall I?")
                && ends_with_question("Did they say \"when?\" ")
                && !ends_with_question("Ok? Yes.")
        );
    }
}
