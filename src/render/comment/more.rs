//! What may differ between two texts of the same plan: images, what they restart, warnings, stack files, pictures. Bounded, whatever
//! the plan holds, and the first to give way.

use serde::Serialize;

use super::parts::List;
use super::{PlansPage, StackPart};
use crate::render::escape;
use crate::render::links::Link;
use crate::render::value::clip;
use crate::render::view::{FollowView, PlanView, ReleaseView};

/// Bytes of all pictures together.
const DIAGRAM_BYTES: usize = 6_000;
/// Resources that one image brings with it.
const FOLLOWS: usize = 6;
/// Stack files that are linked.
const FILES: usize = 20;

/// How much of it is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Volume {
    diagrams: bool,
    /// Lines of the list of images, and of that of what restarts.
    images: usize,
    warnings: usize,
    /// Characters of a warning.
    chars: usize,
    files: usize,
}

impl Volume {
    /// From the most to the least. A picture tells nothing that the lines do not.
    pub(super) const LADDER: [Self; 4] = [
        Self { diagrams: true, images: 50, warnings: 30, chars: 300, files: FILES },
        Self { diagrams: false, images: 50, warnings: 30, chars: 300, files: FILES },
        Self { diagrams: false, images: 10, warnings: 10, chars: 150, files: 0 },
        Self { diagrams: false, images: 0, warnings: 0, chars: 0, files: 0 },
    ];
}

/// The page of the template.
#[derive(Debug, Serialize)]
pub(super) struct More<'a> {
    released: bool,
    images: List<Image<'a>>,
    follows: List<Follow<'a>>,
    restarts: List<Text<'a>>,
    warnings: List<Text<'a>>,
    files: Vec<Link>,
    diagrams: Vec<Diagram<'a>>,
    hidden_diagrams: usize,
}

#[derive(Debug, Serialize)]
struct Image<'a> {
    /// Empty when the page has one stack, here and below.
    stack: &'a str,
    release: &'a ReleaseView,
    follows: Vec<&'a FollowView>,
}

#[derive(Debug, Serialize)]
struct Follow<'a> {
    stack: &'a str,
    follow: &'a FollowView,
}

#[derive(Debug, Serialize)]
struct Text<'a> {
    stack: &'a str,
    text: String,
}

#[derive(Debug, Serialize)]
struct Diagram<'a> {
    stack: &'a str,
    lines: &'a [String],
}

/// The volatile middle of a page.
pub(super) fn more<'a>(page: &PlansPage<'a>, volume: Volume) -> More<'a> {
    let alone = page.stacks.len() == 1;
    let planned: Vec<(&'a str, &'a PlanView)> = page
        .stacks
        .iter()
        .filter_map(|part| Some((if alone { "" } else { part.stack }, part.outcome.ok()?)))
        .collect();
    let mut more = More {
        released: false,
        images: List::default(),
        follows: List::default(),
        restarts: List::default(),
        warnings: List::default(),
        files: files(page, volume),
        diagrams: Vec::new(),
        hidden_diagrams: 0,
    };
    let (mut images, mut follows, mut restarts, mut warnings) = (vec![], vec![], vec![], vec![]);
    let mut drawn = 0;
    for (stack, view) in planned {
        let with_image =
            |follow: &&FollowView| view.releases.iter().any(|release| release.task == follow.name);
        images.extend(view.releases.iter().map(|release| {
            let follows = view.follows.iter().filter(|follow| follow.name == release.task).take(FOLLOWS);
            Image { stack, release, follows: follows.collect() }
        }));
        more.released |= !view.follows.is_empty() || view.releases.iter().any(|release| release.changes);
        follows.extend(
            view.follows.iter().filter(|one| !with_image(one)).map(|follow| Follow { stack, follow }),
        );
        restarts.extend(view.restarts.iter().map(|address| Text { stack, text: address.clone() }));
        let told = view.warnings.iter().filter(|text| !escape::markdown(text).is_empty());
        warnings.extend(told.map(|text| Text { stack, text: clip(text, volume.chars) }));
        if !view.diagram.is_empty() {
            let bytes: usize = view.diagram.iter().map(|line| line.len() + 1).sum();
            if volume.diagrams && drawn + bytes <= DIAGRAM_BYTES {
                drawn += bytes;
                more.diagrams.push(Diagram { stack, lines: &view.diagram });
            } else {
                more.hidden_diagrams += 1;
            }
        }
    }
    // What changes is told before what stays.
    images.sort_by_key(|image| !image.release.changes && image.follows.is_empty());
    more.images = List::first(images, volume.images);
    more.follows = List::first(follows, volume.images);
    more.restarts = List::first(restarts, volume.images);
    more.warnings = List::first(warnings, volume.warnings);
    more
}

/// The stack files that have an address.
fn files(page: &PlansPage<'_>, volume: Volume) -> Vec<Link> {
    let address =
        |part: &StackPart<'_>| Some((part.file.to_owned(), page.links.files.get(part.file)?.clone()));
    let named = page.stacks.iter().filter_map(address);
    named.map(|(label, url)| Link { label, url }).take(volume.files).collect()
}
