//! Templates: compiled once, fenced in, and known by what they read.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};

use super::brand::Brand;
use super::context::Context;
use super::plain::Plain;
use crate::primitives::Key;
use crate::primitives::fault::{Node, nearest};

/// What one rendering may do: instructions, and 64 octets of text each; an e-mail of 15 variables takes about 100.
const FUEL: u64 = 100_000;

/// What kind of text a template gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// HTML: values are escaped.
    Html,
    /// Lines of text.
    Text,
    /// One line: a value cannot break it, so no subject can smuggle in a header.
    Line,
    /// An address or a name that is never cut.
    Link,
}

impl Form {
    /// Whether text of this form may lose its end and still be what it was.
    pub(crate) fn can_be_cut(self) -> bool {
        matches!(self, Form::Text | Form::Line)
    }
}

/// What a template reads, by the paths that it names.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct TemplateReads {
    /// Names of attributes.
    pub(crate) customer: BTreeSet<Arc<str>>,
    /// Names of properties.
    pub(crate) trigger: BTreeSet<Arc<str>>,
    /// Paths in the brand.
    pub(crate) brand: BTreeSet<Arc<str>>,
    /// The rest: `unsubscribe_url`, `locale`, `now`.
    pub(crate) given: BTreeSet<Arc<str>>,
}

impl TemplateReads {
    /// Whether an unsubscribe link is in it.
    pub(crate) fn unsubscribes(&self) -> bool {
        self.given.contains("unsubscribe_url") || self.brand.contains("links.unsubscribe")
    }

    pub(crate) fn extend(&mut self, other: &TemplateReads) {
        self.customer.extend(other.customer.iter().cloned());
        self.trigger.extend(other.trigger.iter().cloned());
        self.brand.extend(other.brand.iter().cloned());
        self.given.extend(other.given.iter().cloned());
    }

    /// The names as keys.
    pub(crate) fn keys(names: &BTreeSet<Arc<str>>) -> Vec<Key> {
        names.iter().map(|name| Key::new(name.clone())).collect()
    }
}

/// One template of a set.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    /// Its name in the set; `None` for text without placeholders, which needs no engine.
    name: Option<Arc<str>>,
    plain: Option<Plain>,
    pub(crate) source: Arc<str>,
    pub(crate) form: Form,
    /// Its place in the playbook.
    pub(crate) place: Arc<str>,
    pub(crate) reads: TemplateReads,
}

impl Template {
    /// What the form asks of a rendered text.
    fn shape(&self, text: String) -> String {
        match self.form {
            Form::Html | Form::Text => text,
            Form::Line => one_line(text),
            Form::Link => text.chars().filter(|c| !c.is_control()).collect::<String>().trim().to_owned(),
        }
    }
}

/// Why a rendering failed, in the template's own words.
#[derive(Debug)]
pub(crate) struct TemplateError {
    pub(crate) line: usize,
    pub(crate) reason: String,
}

/// A set of compiled templates.
#[derive(Clone, Default)]
pub(crate) struct Templates(Arc<Environment<'static>>);

impl Templates {
    /// Renders one for a customer.
    pub(super) fn render_for(&self, template: &Template, context: &Context<'_>) -> Result<String, TemplateError> {
        match template.plain.as_ref().and_then(|plain| plain.render(context.input)) {
            Some(text) => Ok(template.shape(text)),
            None => self.render(template, || context.value()),
        }
    }

    /// Renders one; `context` holds what it may read.
    pub(super) fn render(
        &self,
        template: &Template,
        context: impl FnOnce() -> minijinja::Value,
    ) -> Result<String, TemplateError> {
        let text = match &template.name {
            None => template.source.to_string(),
            Some(name) => self
                .0
                .get_template(name)
                .and_then(|compiled| compiled.render(context()))
                .map_err(|error| explain(&error, &template.source))?,
        };
        Ok(template.shape(text))
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Templates({})", self.0.templates().count())
    }
}

/// Compiles the templates of a set.
pub(crate) struct TemplatesBuilder {
    env: Environment<'static>,
    count: usize,
}

impl Default for TemplatesBuilder {
    fn default() -> Self {
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_fuel(Some(FUEL));
        env.set_recursion_limit(32);
        // Errors would carry copies of the customer's data.
        env.set_debug(false);
        // It prints all that the template was given.
        env.remove_global("debug");
        env.set_auto_escape_callback(|name| if name.ends_with('h') { AutoEscape::Html } else { AutoEscape::None });
        // A template reads no other one, by whatever name.
        env.set_path_join_callback(|_, _| "".into());
        TemplatesBuilder { env, count: 0 }
    }
}

impl TemplatesBuilder {
    /// Compiles a template; what is wrong with it is reported at its node.
    pub(crate) fn compile(&mut self, node: &Node<'_>, source: &str, form: Form) -> Option<Template> {
        let mut template = Template {
            name: None,
            plain: None,
            source: source.into(),
            form,
            place: node.path().into(),
            reads: TemplateReads::default(),
        };
        if !["{{", "{%", "{#"].iter().any(|mark| source.contains(mark)) {
            return Some(template);
        }
        if let Some((line, tag)) = other_templates(source) {
            node.fault(format!("line {line}: a template cannot {tag} another one"));
            return None;
        }
        // The last letter says how values are escaped.
        let name = format!("{}{}", self.count, if form == Form::Html { 'h' } else { 't' });
        self.count += 1;
        if let Err(error) = self.env.add_template_owned(name.clone(), source.to_owned()) {
            let line = error.line().unwrap_or(1);
            node.fault(format!("line {line}: {}", error.detail().unwrap_or("this is no template")));
            return None;
        }
        // The engine looks filters up when it renders; a misspelt one would fail for every customer.
        if let Some((line, filter)) = filters(source).find(|(_, filter)| !self.has_filter(filter)) {
            node.fault(format!("line {line}: there is no filter `{filter}`"));
            return None;
        }
        let paths = self.env.get_template(&name).map(|compiled| compiled.undeclared_variables(true));
        let mut paths: Vec<String> = paths.into_iter().flatten().collect();
        paths.sort();
        template.name = Some(name.into());
        template.plain = Plain::of(source, form == Form::Html);
        let unknown = paths.iter().filter(|path| !self.read(node, source, path, &mut template.reads)).count();
        (unknown == 0).then_some(template)
    }

    fn has_filter(&self, name: &str) -> bool {
        let tried = self.env.render_str(&format!("{{{{ ''|{name} }}}}"), ());
        tried.map_or_else(|error| error.kind() != ErrorKind::UnknownFilter, |_| true)
    }

    /// Notes what a path reads; `false` if there is nothing to read there.
    fn read(&self, node: &Node<'_>, source: &str, path: &str, reads: &mut TemplateReads) -> bool {
        let (root, rest) = path.split_once('.').unwrap_or((path, ""));
        let name = rest.split('.').next().unwrap_or_default();
        let problem = match (root, name) {
            ("customer" | "trigger", "") => Some(format!(
                "name what is read, as in `{root}.{}`: only that is given to the template",
                if root == "customer" { "first_name" } else { "order_id" }
            )),
            ("customer", name) => {
                reads.customer.insert(name.into());
                None
            }
            ("trigger", name) => {
                reads.trigger.insert(name.into());
                None
            }
            ("brand", "") => Some("name what is read, as in `brand.name`".to_owned()),
            ("brand", _) => {
                reads.brand.insert(rest.into());
                Brand::check_read(rest)
            }
            ("unsubscribe_url" | "locale" | "now", _) => {
                reads.given.insert(root.into());
                None
            }
            (root, _) if self.env.globals().any(|(name, _)| name == root) => None,
            (root, _) => {
                let known = ["customer", "trigger", "brand", "unsubscribe_url", "locale", "now"];
                let near = nearest(root, &known).map(|near| format!("did you mean `{near}`?"));
                let hint = near.unwrap_or_else(|| format!("a template reads {}", known.join(", ")));
                Some(format!("nothing is called `{root}`; {hint}"))
            }
        };
        let Some(problem) = problem else { return true };
        let at = source.find(path).or_else(|| source.find(root)).and_then(|at| source.get(..at));
        let line = at.map_or(1, |before| before.matches('\n').count() + 1);
        node.fault(format!("line {line}: {problem}"));
        false
    }

    pub(crate) fn finish(self) -> Templates {
        Templates(Arc::new(self.env))
    }
}

/// The first tag that would read another template, with its line.
fn other_templates(source: &str) -> Option<(usize, &'static str)> {
    for (line, text) in source.lines().enumerate() {
        for tag in text.split("{%").skip(1) {
            let word = tag.trim_start_matches(['-', '+']).trim_start().split(|c: char| !c.is_alphanumeric()).next();
            match word {
                Some("include") => return Some((line + 1, "include")),
                Some("import" | "from") => return Some((line + 1, "import")),
                Some("extends") => return Some((line + 1, "extend")),
                _ => {}
            }
        }
    }
    None
}

/// The filters that a template names, with their lines: words after a `|` in a tag, outside quotes.
fn filters(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut found = Vec::new();
    // What stands in a raw block is somebody else's template.
    let mut rest = if source.contains("endraw") { "" } else { source };
    while let Some(at) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
        let Some(tag) = rest.get(at + 2..) else { break };
        let before = source.len() - tag.len();
        let (mut quote, mut last, mut end) = (None, ' ', tag.len());
        for (at, c) in tag.char_indices() {
            match quote {
                Some(open) if c == open && last != '\\' => quote = None,
                Some(_) => {}
                None if matches!(c, '\'' | '"') => quote = Some(c),
                None if c == '}' && matches!(last, '}' | '%') => {
                    end = at + 1;
                    break;
                }
                None if c == '|' => {
                    let word = tag.get(at + 1..).unwrap_or_default().trim_start();
                    let length = word.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(word.len());
                    let line = source.get(..before + at).map_or(1, |text| text.matches('\n').count() + 1);
                    found.extend(word.get(..length).filter(|word| !word.is_empty()).map(|word| (line, word)));
                }
                None => {}
            }
            last = c;
        }
        rest = tag.get(end..).unwrap_or_default();
    }
    found.into_iter()
}

/// What went wrong, without a word of what the template was given: the engine's own details may quote values.
fn explain(error: &minijinja::Error, source: &str) -> TemplateError {
    let expression = error.range().and_then(|range| source.get(range)).map(|text| text.trim());
    let problem = match error.kind() {
        ErrorKind::UndefinedError => "not known of this customer".to_owned(),
        ErrorKind::OutOfFuel => "takes too long".to_owned(),
        kind => kind.to_string(),
    };
    let reason = match expression {
        Some(text) if !text.is_empty() => format!("`{}`: {problem}", text.chars().take(80).collect::<String>()),
        _ => problem,
    };
    TemplateError { line: error.line().unwrap_or(1), reason }
}

/// One line of single spaces, without control characters.
fn one_line(text: String) -> String {
    let plain = text.trim().len() == text.len()
        && !text.contains("  ")
        && !text.chars().any(|c| c.is_control() || (c.is_whitespace() && c != ' '));
    if plain {
        return text;
    }
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}
