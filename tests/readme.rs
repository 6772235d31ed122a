//! The README's first program is the example, to the letter, and so is known to run.

#[test]
fn the_first_program_of_the_readme_is_the_quickstart_example() {
    let read = |name: &str| std::fs::read_to_string(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (readme, example) = (read("README.md"), read("examples/quickstart.rs"));
    assert!(readme.contains(&format!("```rust\n{example}```")));
    assert!(example.lines().count() < 40, "the quickstart has {} lines", example.lines().count());
}
