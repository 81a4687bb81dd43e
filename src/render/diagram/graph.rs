//! Nodes and arrows, and their Mermaid text: small enough to be looked at, or none.

use std::collections::{BTreeMap, BTreeSet};

use crate::render::escape;
use crate::render::value::clip;
use crate::render::view::plural;

/// More boxes than this are no picture any more.
const NODES_MAX: usize = 40;
/// Characters of the whole text; a comment holds 60,000 bytes.
const TEXT_MAX: usize = 4_000;
/// Characters of a name.
const NAME_MAX: usize = 48;

/// What a node is, from left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    /// Where requests come from.
    Entry,
    /// A DNS name.
    Name,
    /// A load balancer.
    Balancer,
    /// A service behind one.
    Web,
    /// A service that nobody calls.
    Worker,
    /// What starts a task.
    Schedule,
    /// A task that ends.
    Task,
    /// What they use.
    Used,
}

/// What the plan does to a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// Nothing.
    #[default]
    Plain,
    /// It is made.
    New,
    /// It, or what belongs to it, is changed.
    Changed,
    /// It is made anew.
    Replaced,
    /// It goes.
    Deleted,
}

impl State {
    /// Before the noun; nothing is told by colour alone.
    fn word(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::New => "new ",
            Self::Changed => "changed ",
            Self::Replaced => "replaced ",
            Self::Deleted => "deleted ",
        }
    }

    /// Class and style. White on a dark colour can be read on a light page and on a dark one (contrast above 4.5).
    fn class(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Plain => None,
            Self::New => Some(("made", "fill:#1a7f37,stroke:#1a7f37,color:#ffffff")),
            Self::Changed => Some(("changed", "fill:#9a6700,stroke:#9a6700,color:#ffffff")),
            Self::Replaced => Some(("replaced", "fill:#8250df,stroke:#8250df,color:#ffffff")),
            Self::Deleted => {
                Some(("deleted", "fill:#cf222e,stroke:#cf222e,color:#ffffff,stroke-dasharray:5 5"))
            }
        }
    }
}

/// What tells one node from another. The name is anybody's text.
pub(super) type Key = (Sort, String);

/// A box.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node {
    /// What happens to it.
    pub(super) state: State,
    /// A word of ours: `service`. Empty when the text says it.
    pub(super) noun: String,
    /// What it is called: anybody's text.
    pub(super) text: String,
}

impl Node {
    fn label(&self) -> String {
        let words = [self.noun.clone(), clip(&self.text, NAME_MAX)];
        let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
        format!("{}{}", self.state.word(), words.join(" "))
    }
}

/// What is the same of all members of a group: the last is the load balancers that they are behind.
type Like<'a> = (Sort, State, &'a String, Option<&'a Vec<&'a Key>>);

/// Boxes and arrows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Graph {
    /// The boxes.
    pub(super) nodes: BTreeMap<Key, Node>,
    /// From … to.
    pub(super) arrows: BTreeSet<(Key, Key)>,
}

impl Graph {
    /// The lines of the picture. None when nothing in it changes, when nothing is connected, or when it is too large although like
    /// things are drawn as one.
    pub(super) fn lines(mut self) -> Vec<String> {
        let nodes = &self.nodes;
        self.arrows.retain(|(from, to)| nodes.contains_key(from) && nodes.contains_key(to));
        if self.arrows.is_empty() || self.nodes.values().all(|node| node.state == State::Plain) {
            return Vec::new();
        }
        loop {
            let lines = self.drawn();
            let length: usize = lines.iter().map(|line| line.chars().count() + 1).sum();
            if self.nodes.len() <= NODES_MAX && length <= TEXT_MAX {
                return lines;
            }
            if !self.collapse() {
                return Vec::new();
            }
        }
    }

    /// Draws the largest group of like things as one; false when there is none.
    fn collapse(&mut self) -> bool {
        // Services of two load balancers are not alike.
        let mut balancers: BTreeMap<&Key, Vec<&Key>> = BTreeMap::new();
        for (from, to) in self.arrows.iter().filter(|(from, _)| from.0 == Sort::Balancer) {
            balancers.entry(to).or_default().push(from);
        }
        let mut groups: BTreeMap<Like<'_>, Vec<&Key>> = BTreeMap::new();
        for (key, node) in &self.nodes {
            if !matches!(key.0, Sort::Entry | Sort::Balancer) {
                let like = (key.0, node.state, &node.noun, balancers.get(key));
                groups.entry(like).or_default().push(key);
            }
        }
        // Of groups that are equally large, the one that nothing happens to.
        let largest =
            groups.into_iter().filter(|(_, keys)| keys.len() > 1).max_by(|(a, these), (b, those)| {
                these.len().cmp(&those.len()).then_with(|| (b.1, b.0).cmp(&(a.1, a.0)))
            });
        let Some(((sort, state, noun, _), keys)) = largest else { return false };
        let count = i64::try_from(keys.len()).unwrap_or(i64::MAX);
        let node = Node { state, noun: String::new(), text: plural(count, noun) };
        let keys: BTreeSet<Key> = keys.into_iter().cloned().collect();
        // No name begins so, and the number of nodes is smaller every time.
        let one = (sort, format!("\0{}", self.nodes.len()));
        let moved = |key: &Key| if keys.contains(key) { one.clone() } else { key.clone() };
        self.arrows = self.arrows.iter().map(|(from, to)| (moved(from), moved(to))).collect();
        self.nodes.retain(|key, _| !keys.contains(key));
        self.nodes.insert(one, node);
        true
    }

    fn drawn(&self) -> Vec<String> {
        let ids: BTreeMap<&Key, String> =
            self.nodes.keys().zip(1..).map(|(key, n)| (key, format!("n{n}"))).collect();
        let mut lines = vec!["flowchart LR".to_owned()];
        let mut classes: BTreeMap<State, Vec<&str>> = BTreeMap::new();
        for (key, node) in &self.nodes {
            let Some(id) = ids.get(key) else { continue };
            let (open, close) = match key.0 {
                Sort::Entry => ("([", "])"),
                Sort::Used => ("[(", ")]"),
                _ => ("[", "]"),
            };
            lines.push(format!("  {id}{open}\"{}\"{close}", escape::mermaid(&node.label())));
            classes.entry(node.state).or_default().push(id);
        }
        for (from, to) in &self.arrows {
            if let (Some(from), Some(to)) = (ids.get(from), ids.get(to)) {
                lines.push(format!("  {from} --> {to}"));
            }
        }
        for (state, ids) in classes {
            let Some((class, style)) = state.class() else { continue };
            lines.push(format!("  classDef {class} {style}"));
            lines.push(format!("  class {} {class}", ids.join(",")));
        }
        lines
    }
}
