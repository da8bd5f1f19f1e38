//! Writes the seeds of one target, from the exchanges of `tests/protocols`, into a folder.

use std::{env, fs, path::Path};

use undertone_fuzz::EXCHANGES;

fn main() {
    let mut arguments = env::args().skip(1);
    let (Some(target), Some(folder)) = (arguments.next(), arguments.next()) else {
        panic!("usage: seeds TARGET FOLDER");
    };
    fs::create_dir_all(&folder).unwrap();
    for (number, exchange) in EXCHANGES.iter().enumerate() {
        let [low, high, ..] = u32::try_from(number).unwrap().to_le_bytes();
        let seed = match target.as_str() {
            "turn" => [&[low, high][..], exchange.request.body()].concat(),
            "reply" => [&[low, high, 16][..], &exchange.body].concat(),
            "framing" => [&[low % 5, 16][..], &exchange.body].concat(),
            _ => [&[low % 4, 16][..], &exchange.body].concat(),
        };
        fs::write(Path::new(&folder).join(format!("{}-{number}", exchange.protocol)), seed).unwrap();
    }
}
