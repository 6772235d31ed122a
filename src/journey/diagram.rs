//! Journeys as pictures: boxes and arrows, in the languages of Mermaid and of Graphviz.

use std::fmt::{self, Write};

/// Texts are broken into lines of about so many characters.
const LINE: usize = 42;

/// A journey as boxes and arrows. The built-in [`Graph`](super::Graph) draws itself; a host's own journey draws itself with
/// this.
///
/// ```
/// use throughline::{Diagram, Shape};
/// let mut diagram = Diagram::new("welcome");
/// let begin = diagram.place("trigger", "Signed Up", Shape::Begin);
/// let greet = diagram.place("greet", "message hello", Shape::Message);
/// let end = diagram.place("end", "", Shape::End);
/// diagram.arrow(begin, greet, "");
/// diagram.arrow(greet, end, "");
/// diagram.note("greet", "12 handed over");
/// assert!(diagram.to_mermaid().contains(r#"s0(["<b>trigger</b><br/>Signed Up"])"#));
/// assert!(diagram.to_graphviz().starts_with("digraph \"welcome\""));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagram {
    title: String,
    boxes: Vec<Drawn>,
    arrows: Vec<Arrow>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Drawn {
    name: String,
    says: Vec<String>,
    shape: Shape,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Arrow {
    from: Spot,
    to: Spot,
    says: String,
}

/// A box of a [`Diagram`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot(usize);

/// What a box of a [`Diagram`] is, by which it gets its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// What begins a run.
    Begin,
    /// A step that takes time.
    Wait,
    /// A step that goes one of several ways.
    Choice,
    /// A step that sends.
    Message,
    /// A step that does something else.
    Action,
    /// What ends a run from wherever it stands.
    Exit,
    /// Where runs end.
    End,
}

impl Diagram {
    /// An empty one.
    pub fn new(title: impl Into<String>) -> Self {
        Diagram { title: title.into(), boxes: Vec::new(), arrows: Vec::new() }
    }

    /// Adds a box with a name and what it says. Long texts are broken into lines.
    pub fn place(&mut self, name: impl Into<String>, says: impl AsRef<str>, shape: Shape) -> Spot {
        self.boxes.push(Drawn { name: name.into(), says: lines(says.as_ref()), shape });
        Spot(self.boxes.len() - 1)
    }

    /// Adds an arrow, and what it says if anything.
    pub fn arrow(&mut self, from: Spot, to: Spot, says: impl Into<String>) {
        self.arrows.push(Arrow { from, to, says: says.into() });
    }

    /// Adds a line to the box of a name, such as how many runs are there; says whether there is one.
    pub fn note(&mut self, name: &str, line: impl Into<String>) -> bool {
        let found = self.boxes.iter_mut().find(|drawn| drawn.name == name);
        found.map(|drawn| drawn.says.push(line.into())).is_some()
    }

    /// As a flowchart of [Mermaid](https://mermaid.js.org/syntax/flowchart.html), which many viewers of Markdown show.
    pub fn to_mermaid(&self) -> String {
        let mut out = String::new();
        // A string never fails to take text.
        let _ = self.write_mermaid(&mut out);
        out
    }

    /// In the [DOT language](https://graphviz.org/doc/info/lang.html) of Graphviz.
    pub fn to_graphviz(&self) -> String {
        let mut out = String::new();
        let _ = self.write_graphviz(&mut out);
        out
    }

    fn write_mermaid(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "---\ntitle: \"{}\"\n---\nflowchart TD", for_graphviz(&self.title))?;
        for (n, drawn) in self.boxes.iter().enumerate() {
            let (open, close) = drawn.shape.mermaid();
            let name = if drawn.name.is_empty() { None } else { Some(format!("<b>{}</b>", for_mermaid(&drawn.name))) };
            let text: Vec<String> = name.into_iter().chain(drawn.says.iter().map(|line| for_mermaid(line))).collect();
            writeln!(out, "    s{n}{open}\"{}\"{close}", text.join("<br/>"))?;
        }
        for Arrow { from: Spot(from), to: Spot(to), says } in &self.arrows {
            let line = if self.is_exit(*from) { "-.->" } else { "-->" };
            if says.is_empty() {
                writeln!(out, "    s{from} {line} s{to}")?;
            } else {
                writeln!(
                    out,
                    "    s{from} {line}|\"{}\"| s{to}",
                    lines(says).iter().map(|line| for_mermaid(line)).collect::<Vec<_>>().join("<br/>")
                )?;
            }
        }
        Ok(())
    }

    fn write_graphviz(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "digraph \"{}\" {{", for_graphviz(&self.title))?;
        writeln!(out, "    node [fontname=\"sans-serif\", fontsize=11]; edge [fontname=\"sans-serif\", fontsize=10];")?;
        for (n, drawn) in self.boxes.iter().enumerate() {
            let text: Vec<String> = [&drawn.name]
                .into_iter()
                .chain(&drawn.says)
                .filter(|line| !line.is_empty())
                .map(|line| for_graphviz(line))
                .collect();
            writeln!(out, "    s{n} [label=\"{}\", {}];", text.join("\\n"), drawn.shape.graphviz())?;
        }
        for Arrow { from: Spot(from), to: Spot(to), says } in &self.arrows {
            let style = if self.is_exit(*from) { ", style=dashed" } else { "" };
            let says = lines(says).iter().map(|line| for_graphviz(line)).collect::<Vec<_>>().join("\\n");
            writeln!(out, "    s{from} -> s{to} [label=\"{says}\"{style}];")?;
        }
        writeln!(out, "}}")
    }

    fn is_exit(&self, at: usize) -> bool {
        self.boxes.get(at).is_some_and(|drawn| drawn.shape == Shape::Exit)
    }
}

impl Shape {
    fn mermaid(self) -> (&'static str, &'static str) {
        match self {
            Shape::Begin => ("([", "])"),
            Shape::Wait => ("{{", "}}"),
            Shape::Choice => ("{", "}"),
            Shape::Message => ("[", "]"),
            Shape::Action => ("[[", "]]"),
            Shape::Exit => (">", "]"),
            Shape::End => ("((", "))"),
        }
    }

    fn graphviz(self) -> &'static str {
        match self {
            Shape::Begin => "shape=box, style=rounded",
            Shape::Wait => "shape=hexagon",
            Shape::Choice => "shape=diamond",
            Shape::Message => "shape=note",
            Shape::Action => "shape=component",
            Shape::Exit => "shape=cds",
            Shape::End => "shape=doublecircle",
        }
    }
}

/// Breaks a text between words, where it says to and where a line is full.
fn lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for said in text.lines() {
        let mut line = String::new();
        for word in
            said.split(|letter: char| letter.is_whitespace() || letter.is_control()).filter(|word| !word.is_empty())
        {
            if !line.is_empty() && line.chars().count() + word.chars().count() >= LINE {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if !line.is_empty() {
            lines.push(line);
        }
    }
    lines
}

/// Everything that Mermaid, or the HTML that it makes, reads as its own.
fn for_mermaid(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("#quot;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '&' => out.push_str("#amp;"),
            '#' => out.push_str("#35;"),
            '`' => out.push_str("#96;"),
            '\\' => out.push_str("#92;"),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

fn for_graphviz(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_definition_says_stays_inside_its_label() {
        let mut diagram = Diagram::new("a \"title\"\n---");
        let begin = diagram.place("b\"] --> x", "who <script> & `co` #1 \\ \u{7}", Shape::Begin);
        let end = diagram.place("", "", Shape::End);
        diagram.arrow(begin, end, "says \"no\"| x");
        assert!(diagram.note("b\"] --> x", "3 live") && !diagram.note("nobody", "3 live"));
        let mermaid = diagram.to_mermaid();
        assert_eq!(
            mermaid,
            "---\ntitle: \"a \\\"title\\\" ---\"\n---\nflowchart TD\n    \
             s0([\"<b>b#quot;] --#gt; x</b><br/>who #lt;script#gt; #amp; #96;co#96; #35;1 #92;<br/>3 live\"])\n    \
             s1((\"\"))\n    s0 -->|\"says #quot;no#quot;| x\"| s1\n"
        );
        let dot = diagram.to_graphviz();
        assert!(dot.contains(r#"[label="b\"] --> x\nwho <script> & `co` #1 \\"#), "{dot}");
        assert!(dot.contains(r#"s0 -> s1 [label="says \"no\"| x"];"#), "{dot}");
        assert!(dot.ends_with("}\n"));
    }

    #[test]
    fn long_texts_are_broken_between_words() {
        let text = "ordered at least 3 times in the last 30 days and is in none of the segments of those who left";
        let broken = lines(text);
        assert!(broken.len() > 1 && broken.iter().all(|line| line.chars().count() <= LINE), "{broken:?}");
        assert_eq!(broken.join(" "), text);
        assert_eq!(lines("one\n\ntwo"), ["one", "two"]);
        assert_eq!(lines(&"x".repeat(100)).len(), 1);
    }
}
