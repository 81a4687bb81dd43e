//! What is special about a kind, as data.

/// How a change that cannot be made in place happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// The new one is made, its users move, the old one goes.
    MakeFirst,
    /// The old one goes first, because both cannot exist at once (the physical name is the identity).
    RemoveFirst,
}

/// When a resource that is no longer wanted may be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prune {
    /// As soon as it left the configuration.
    Allowed,
    /// By `destroy`; by `apply` only when named with `--allow-delete`. For what can be re-read but not re-made: logs.
    WithStack,
    /// Only when named with `--allow-delete`, even by `destroy`. For the user's data.
    OnlyWhenNamed,
}

/// The rules of a kind. Paths are attribute paths such as `network.subnets`; a rule for a path holds for everything below
/// it, and `*` stands for one segment of any name (or any index).
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// One line: what this kind is in AWS's terms. Heading of the reference.
    pub title: &'static str,
    /// Changes that AWS cannot make in place.
    pub replace_on: &'static [&'static str],
    /// Which of the two goes first in a replacement.
    pub replace: Replace,
    /// Attributes sent on creation only and never compared afterwards (somebody else owns them from then on).
    pub create_only: &'static [&'static str],
    /// Attributes that are told along with another change but never cause one.
    pub passive: &'static [&'static str],
    /// Maps that others may add keys to: only the wanted keys are compared.
    pub shared: &'static [&'static str],
    /// Attributes in which a resource that no stack owns must be as wanted, or it is not adopted: somebody may rely on it.
    pub guarded: &'static [&'static str],
    /// Attributes that name the released image: not part of a plan's fingerprint.
    pub release: &'static [&'static str],
    /// Attributes whose values must never be shown.
    pub sensitive: &'static [&'static str],
    /// Attributes whose change makes ECS replace running tasks.
    pub restarts_tasks_on: &'static [&'static str],
    /// Outputs that an update changes (a new revision has a new ARN).
    pub volatile: &'static [&'static str],
    /// Attributes whose change alone leaves the volatile outputs as they are.
    pub in_place: &'static [&'static str],
    /// When it may be deleted.
    pub prune: Prune,
    /// The outputs that others may refer to.
    pub outputs: &'static [&'static str],
    /// The kinds that this kind uses: they are deleted after it.
    pub uses: &'static [&'static str],
    /// The IAM actions of its reads.
    pub reads: &'static [&'static str],
    /// The IAM actions of its mutating calls.
    pub writes: &'static [&'static str],
}

impl Rules {
    /// Rules with nothing special: start of every kind's own.
    pub const fn new(title: &'static str) -> Self {
        Self {
            title,
            replace_on: &[],
            replace: Replace::RemoveFirst,
            create_only: &[],
            passive: &[],
            shared: &["tags"],
            guarded: &[],
            release: &[],
            sensitive: &[],
            restarts_tasks_on: &[],
            volatile: &[],
            in_place: &["tags"],
            prune: Prune::Allowed,
            outputs: &[],
            uses: &[],
            reads: &[],
            writes: &[],
        }
    }
}
