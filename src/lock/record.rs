//! What a generation of the lock holds.

use serde::{Deserialize, Serialize};

use super::{Holder, Owner};

/// How much of one field of an owner is kept, in characters: a value of the standard tier has 4 KB.
const LONGEST: usize = 300;

/// Whether a generation is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Held,
    Free,
}

/// One generation, as JSON in its parameter. Unknown fields of later versions are passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Unique; tells a taker whether a generation is its own.
    pub id: String,
    /// Who made it.
    pub owner: Owner,
    /// Seconds since the epoch, by the clock of its maker.
    pub since: u64,
    /// The same; from then on it is as good as free.
    pub expires: u64,
    /// Held or free.
    pub state: State,
}

impl Record {
    /// A record that is held.
    pub(super) fn new(id: String, owner: Owner, since: u64, expires: u64) -> Self {
        Self { id, owner, since, expires, state: State::Held }
    }

    /// The same, free since now.
    pub(super) fn freed(&self, now: u64) -> Self {
        Self { state: State::Free, expires: now, ..self.clone() }
    }

    /// The same, held until then.
    pub(super) fn until(&self, expires: u64) -> Self {
        Self { expires, ..self.clone() }
    }

    /// Whether somebody holds it.
    pub(super) fn is_held(&self, now: u64) -> bool {
        self.state == State::Held && now < self.expires
    }

    /// Its maker.
    pub(super) fn holder(&self) -> Holder {
        Holder { id: self.id.clone(), owner: self.owner.clone(), since: self.since, expires: self.expires }
    }

    /// The value of a parameter. `written` is when AWS wrote it, in seconds since the epoch: what cannot be read was written by a
    /// later version, or by hand, and is held for `lease` seconds from then.
    pub(super) fn read(generation: u64, value: &str, written: u64, lease: u64) -> Self {
        let mut record = serde_json::from_str(value).unwrap_or_else(|_| {
            let who = "somebody whose record cannot be read".to_owned();
            let owner = Owner { who, ..Owner::default() };
            Self::new(format!("{generation}-unreadable"), owner, written, written + lease)
        });
        let Owner { who, what, run } = &mut record.owner;
        for text in [who, what, run, &mut record.id] {
            *text = line(text);
        }
        record
    }

    /// The value of its parameter.
    pub(super) fn write(&self) -> String {
        let mut record = self.clone();
        let Owner { who, what, run } = &mut record.owner;
        for text in [who, what, run] {
            *text = line(text);
        }
        // Strings and numbers always have a form in JSON.
        serde_json::to_string(&record).unwrap_or_default()
    }
}

/// One line of bounded length.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect()
}
