//! Prints the JSON Schema of a playbook, for an editor: `cargo run --features schema --example schema > playbook.schema.json`.
//! With `rule` that of a segment's rule by itself.

use throughline::{Criteria, Playbook};

fn main() {
    let rule = std::env::args().nth(1).is_some_and(|what| what == "rule");
    println!("{}", if rule { Criteria::schema() } else { Playbook::schema() });
}
