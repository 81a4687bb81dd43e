//! The effects that several records approve of one stack, and which planned effect they cover.

use std::collections::BTreeMap;

use super::{Class, Difference};
use crate::engine::{Effect, Field};

/// Address and physical name.
pub(super) type Key = (String, String);

/// What is approved of one stack.
pub(super) struct Approved<'a> {
    merged: BTreeMap<Key, Merged<'a>>,
}

/// What is approved of one resource.
#[derive(Default)]
struct Merged<'a> {
    /// The effects, in the order in which they were merged.
    effects: Vec<&'a Effect>,
    /// It is deleted, and nothing takes its place.
    gone: bool,
    /// The fields of all of them; the later one counts.
    fields: BTreeMap<&'a str, &'a Field>,
}

/// An effect that is covered.
pub(super) struct Match {
    /// By what.
    pub key: Key,
    /// It is all of it.
    pub whole: bool,
}

/// A difference of one stack that is yet to be named.
pub(super) struct Found(Difference);

impl Found {
    pub(super) fn of(self, stack: &str) -> Difference {
        Difference { stack: stack.to_owned(), ..self.0 }
    }
}

impl<'a> Merged<'a> {
    fn add(&mut self, effect: &'a Effect) {
        self.effects.push(effect);
        for (path, field) in &effect.fields {
            // What a replacement takes along as it is contradicts nothing.
            if !(field.is_kept() && self.fields.contains_key(path.as_str())) {
                self.fields.insert(path, field);
            }
        }
    }

    fn last(&self) -> Option<&'a Effect> {
        self.effects.last().copied()
    }

    fn any(&self, actions: &[&str]) -> bool {
        self.effects.iter().any(|effect| actions.contains(&effect.action.as_str()))
    }

    /// Carried out in part, or made by hand meanwhile, what is approved may leave this to be done. An adoption never destroys: what
    /// must be made anew after one is gone for another reason.
    fn may_leave(&self, action: &str) -> bool {
        match action {
            "update" => self.any(&["create", "replace", "adopt"]),
            "adopt" | "create" => self.any(&["create", "replace"]),
            _ => false,
        }
    }

    /// The effect is the newest one, to the last digit.
    fn is_newest(&self, effect: &Effect) -> bool {
        self.last().is_some_and(|last| last.digest == effect.digest)
    }
}

impl<'a> Approved<'a> {
    /// The effects of records, in the order in which their pull requests were merged.
    pub(super) fn of(records: impl Iterator<Item = &'a [Effect]>) -> Self {
        let mut merged: BTreeMap<Key, Merged<'a>> = BTreeMap::new();
        for effects in records {
            let wants = |address: &str| {
                effects.iter().any(|effect| effect.address == address && effect.action != "delete")
            };
            let names = |address: &str| effects.iter().any(|effect| effect.address == address);
            // To keep something and to be rid of it contradict each other, by whatever names.
            merged.retain(|(address, _), earlier| !names(address) || earlier.gone != wants(address));
            for effect in effects {
                let merged = merged.entry(key(effect)).or_default();
                merged.add(effect);
                merged.gone = !wants(&effect.address);
            }
        }
        Self { merged }
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.merged.len()
    }

    /// What covers a planned effect, or what differs. `kept` says that the plan wants the address; `otherwise` is the class of what
    /// nothing that was approved explains.
    pub(super) fn covers(&self, effect: &Effect, kept: bool, otherwise: Class) -> Result<Match, Vec<Found>> {
        let key = key(effect);
        if effect.action == "delete" {
            return self.deletes(key, effect, kept, otherwise);
        }
        let Some(merged) = self.merged.get(&key) else {
            return Err(vec![self.unknown(effect, otherwise)]);
        };
        let differing = if merged.any(&[effect.action.as_str()]) {
            self::differing(merged, effect, otherwise)
        } else if merged.may_leave(&effect.action) {
            // It was made, in part or without being marked as ours: what is left must end where the whole would have.
            match remaining(merged, effect) {
                found if found.is_empty() => return Ok(Match { key, whole: false }),
                found => found,
            }
        } else {
            vec![action(merged.last(), effect, otherwise)]
        };
        if !differing.is_empty() {
            return Err(differing);
        }
        let alone = merged.effects.len() == 1 && merged.is_newest(effect);
        Ok(Match { key, whole: alone || merged.fields.len() == effect.fields.len() })
    }

    /// A deletion is covered by one of the same thing, and by a replacement that left it behind.
    fn deletes(&self, key: Key, effect: &Effect, kept: bool, otherwise: Class) -> Result<Match, Vec<Found>> {
        if let Some(last) =
            self.merged.get(&key).and_then(Merged::last).filter(|last| last.action == "delete")
        {
            if last.old == effect.old {
                return Ok(Match { key, whole: true });
            }
            let (approved, now) = ("delete it".to_owned(), "delete another one of the same name".to_owned());
            return Err(vec![found(effect, None, approved, now, Class::Drift)]);
        }
        let left_behind = self.merged.iter().find(|((address, _), merged)| {
            let goes = |one: &&Effect| one.action == "replace" && one.old.is_some() && one.old == effect.old;
            *address == effect.address && merged.effects.iter().any(goes)
        });
        match left_behind {
            Some((replaced, _)) if kept => Ok(Match { key: replaced.clone(), whole: false }),
            _ => {
                let other = self.merged.iter().find(|((address, _), _)| *address == effect.address);
                let other = other.and_then(|(_, merged)| merged.last());
                // The stack file does not want it any more, and did when it was planned.
                let class = if other.is_some() && !kept { Class::Config } else { otherwise };
                Err(vec![action(other, effect, class)])
            }
        }
    }

    /// Nothing is approved of this resource under this name.
    fn unknown(&self, effect: &Effect, otherwise: Class) -> Found {
        let here =
            || self.merged.values().filter_map(Merged::last).filter(|last| last.address == effect.address);
        if let Some(last) = here().find(|last| last.action == effect.action) {
            let told = |effect: &Effect| format!("{} `{}`", effect.action, effect.name);
            return found(effect, None, told(last), told(effect), Class::Config);
        }
        match here().next() {
            // The stack file wants it again.
            Some(last) if last.action == "delete" => action(Some(last), effect, Class::Config),
            last => action(last, effect, otherwise),
        }
    }
}

fn key(effect: &Effect) -> Key {
    (effect.address.clone(), effect.name.clone())
}

/// What differs between an effect and an approved one of the same action.
fn differing(merged: &Merged<'_>, effect: &Effect, otherwise: Class) -> Vec<Found> {
    if merged.is_newest(effect) {
        return Vec::new();
    }
    if merged.fields.is_empty() && !effect.fields.is_empty() {
        let approved = format!("{}, of which no field is recorded", effect.action);
        return vec![found(effect, None, approved, format!("another {}", effect.action), otherwise)];
    }
    // What is made whole must be what was shown, whole; of an update a part may be done.
    let whole = effect.action == "create" || effect.action == "replace";
    let missing = merged.fields.keys().filter(|path| whole && !effect.fields.contains_key(**path));
    let mut differing: Vec<Found> = missing
        .map(|path| {
            let approved = told(merged.fields.get(*path).copied());
            found(effect, Some(path), approved, "no change".to_owned(), Class::Config)
        })
        .collect();
    for (path, field) in &effect.fields {
        let class = match merged.fields.get(path.as_str()) {
            None if whole => Class::Config,
            None => otherwise,
            Some(approved) if approved.after != field.after => Class::Config,
            Some(approved) if approved.before != field.before => Class::Drift,
            Some(_) => continue,
        };
        let approved = told(merged.fields.get(path.as_str()).copied());
        differing.push(found(effect, Some(path), approved, told(Some(field)), class));
    }
    if differing.is_empty() && effect.old.is_some() && merged.effects.iter().all(|one| one.old != effect.old)
    {
        let now = format!("{} another one of the same name", effect.action);
        differing.push(found(effect, None, effect.action.clone(), now, Class::Drift));
    }
    differing
}

/// What of an effect would not end where the approved creation, adoption or replacement would have.
fn remaining(merged: &Merged<'_>, effect: &Effect) -> Vec<Found> {
    let whole = merged.any(&["create", "replace"]);
    let lacks = |path: &str, field: &Field| field.after.is_some() && !effect.fields.contains_key(path);
    let lacking =
        merged.fields.iter().filter(|(path, field)| effect.action == "create" && lacks(path, field));
    let mut differing: Vec<Found> = lacking
        .map(|(path, field)| {
            found(effect, Some(path), told(Some(field)), "no change".to_owned(), Class::Config)
        })
        .collect();
    for (path, field) in &effect.fields {
        let approved = merged.fields.get(path.as_str()).copied();
        // What a creation does not name is not wanted.
        let goes = field.after.is_none() && approved.is_none_or(|approved| approved.after.is_none());
        let same = approved.is_some_and(|approved| approved.after == field.after);
        if !(same || (goes && whole && !merged.fields.is_empty())) {
            differing.push(found(effect, Some(path), told(approved), told(Some(field)), Class::Config));
        }
    }
    differing
}

fn action(approved: Option<&Effect>, effect: &Effect, class: Class) -> Found {
    let approved = approved.map_or("nothing".to_owned(), |approved| approved.action.clone());
    found(effect, None, approved, effect.action.clone(), class)
}

fn found(effect: &Effect, path: Option<&str>, approved: String, now: String, class: Class) -> Found {
    Found(Difference {
        stack: String::new(),
        address: effect.address.clone(),
        path: path.map(str::to_owned),
        approved,
        now,
        class,
    })
}

fn told(field: Option<&Field>) -> String {
    match field {
        None => "no change".to_owned(),
        Some(Field { shown: Some(shown), .. }) => shown.clone(),
        Some(Field { after: None, .. }) => "no value".to_owned(),
        Some(_) => "a value that is not recorded".to_owned(),
    }
}
