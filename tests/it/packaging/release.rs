//! The scripts of a release, with a GitHub that is a folder: what is published is what was reviewed.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::super::harness::{Run, World};
use super::runner::{Runner, TARGET, program, root, sum, which};

const TARGETS: [&str; 5] = [
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
];
const BUILT: &str = "1111111111111111111111111111111111111111";
const MERGED: &str = "2222222222222222222222222222222222222222";

fn asset(target: &str) -> String {
    format!("fargate-stack-{target}{}", if target.contains("windows") { ".exe" } else { "" })
}

/// What happens to an asset of a draft.
type Change = fn(PathBuf);

/// A checkout, built assets and a GitHub.
struct Release {
    folder: TempDir,
    version: &'static str,
}

impl Release {
    fn new() -> Self {
        let release = Self { folder: TempDir::new().unwrap(), version: env!("CARGO_PKG_VERSION") };
        for folder in ["checkout/scripts", "assets", "github", "bin", "tmp"] {
            std::fs::create_dir_all(release.path(folder)).unwrap();
        }
        for file in [
            "Cargo.toml",
            "versions.txt",
            "scripts/targets.sh",
            "scripts/release-draft.sh",
            "scripts/release-publish.sh",
        ] {
            std::fs::copy(root().join(file), release.path("checkout").join(file)).unwrap();
        }
        symlink(root().join("tests/release/gh"), release.path("bin/gh")).unwrap();
        for target in TARGETS {
            std::fs::write(release.path("assets").join(asset(target)), program(target)).unwrap();
        }
        release
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn script(&self, name: &str, args: &[&str], env: &[(&str, &str)]) -> Run {
        let mut command = Command::new(which("sh").unwrap());
        command
            .arg(self.path("checkout/scripts").join(name))
            .args(args)
            .current_dir(self.path("checkout"))
            .env_clear();
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        command.env("PATH", path).env("FAKE_GITHUB", self.path("github")).env("TMPDIR", self.path("tmp"));
        command.env("GITHUB_REPOSITORY", "org/fargate-stack-action").env("GITHUB_SHA", BUILT);
        let run = World::output(command.envs(env.iter().copied()).stdin(Stdio::null()));
        assert_eq!(
            std::fs::read_dir(self.path("tmp")).unwrap().count(),
            0,
            "something is left in the temporary folder"
        );
        run
    }

    fn draft(&self) -> Run {
        let assets = self.path("assets").display().to_string();
        self.script("release-draft.sh", &[self.version, &assets], &[])
    }

    /// Merges the pull request that the draft opened.
    fn merge(&self) {
        let table = self.path(&format!("github/files/release/v{}/versions.txt", self.version));
        std::fs::copy(table, self.path("checkout/versions.txt")).unwrap();
    }

    fn publish(&self, env: &[(&str, &str)]) -> Run {
        self.script("release-publish.sh", &[MERGED], env)
    }

    fn drafted(&self, target: &str) -> PathBuf {
        self.path(&format!("github/assets/v{}", self.version)).join(asset(target))
    }

    fn state(&self, file: &str) -> serde_json::Value {
        let text =
            std::fs::read_to_string(self.path("github").join(file)).unwrap_or_else(|_| "{}".to_owned());
        serde_json::from_str(&text).unwrap()
    }

    /// The publication is refused, and nothing became public or moved.
    #[track_caller]
    fn refuses(&self, env: &[(&str, &str)], why: &str) {
        let before = self.state("refs.json");
        let run = self.publish(env);
        assert!(run.code != 0 && run.stderr.contains(why), "{}{}", run.stdout, run.stderr);
        assert!(!self.path("github/published").exists());
        assert_eq!(self.state("refs.json"), before);
    }
}

#[test]
fn a_release_is_drafted_merged_published_and_then_run_by_the_bootstrap() {
    let release = Release::new();
    release.draft().expect(0);
    let tag = format!("v{}", release.version);
    assert_eq!(release.state("releases.json")[&tag]["draft"], true);
    // The draft has no tag: the tag is to lead to the commit with the checksums.
    assert_eq!(release.state("refs.json"), serde_json::json!({format!("heads/release/{tag}"): BUILT}));
    release.merge();
    let run = release.publish(&[]).expect(0);
    assert!(
        run.stdout.ends_with(&format!("uses: org/fargate-stack-action@{MERGED} # {tag}\n")),
        "{}",
        run.stdout
    );
    let refs = release.state("refs.json");
    let major = format!("tags/v{}", release.version.split('.').next().unwrap());
    assert_eq!((&refs[format!("tags/{tag}")], &refs[&major]), (&MERGED.into(), &MERGED.into()));

    let runner = Runner::new();
    let table = std::fs::read_to_string(release.path("checkout/versions.txt")).unwrap();
    runner.table(&table);
    let runner = runner.with("FARGATE_STACK_MIRROR", release.path("github/published").to_str().unwrap());
    runner.runs(&[which("sh").unwrap()], TARGET);

    // Again, as when the job is started once more; and the next release moves the major tag on.
    release.publish(&[]).expect(0);
    let next = "3333333333333333333333333333333333333333";
    let run = release.script("release-publish.sh", &[next], &[]);
    assert!(
        run.code != 0 && run.stderr.contains(&format!("the tag {tag} does not lead to {next}")),
        "{}",
        run.stderr
    );
    assert_eq!(release.state("refs.json"), refs);
}

#[test]
fn the_pull_request_of_a_draft_holds_the_sums_of_what_was_built_and_nothing_else() {
    let release = Release::new();
    release.draft().expect(0);
    let files = release.path(&format!("github/files/release/v{}", release.version));
    let names: Vec<_> = std::fs::read_dir(&files).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["versions.txt"]);
    let table = std::fs::read_to_string(files.join("versions.txt")).unwrap();
    let lines: Vec<&str> = table.lines().filter(|line| !line.starts_with('#')).collect();
    let wanted: Vec<String> = TARGETS
        .iter()
        .map(|target| format!("{} {target} {}", release.version, sum(program(target).as_bytes())))
        .collect();
    assert_eq!(lines, wanted);
    let calls = std::fs::read_to_string(release.path("github/calls")).unwrap();
    assert!(calls.contains("pr create --base main"), "{calls}");
    assert!(calls.lines().last().unwrap().starts_with("workflow run ci.yml"), "{calls}");
}

#[test]
fn a_draft_needs_every_asset_and_the_version_of_the_crate() {
    let release = Release::new();
    std::fs::remove_file(release.path("assets").join(asset(TARGETS[3]))).unwrap();
    let run = release.draft();
    assert!(run.code != 0 && run.stderr.contains("there is no "), "{}", run.stderr);
    std::fs::write(release.path("assets").join(asset(TARGETS[3])), "").unwrap();
    assert_ne!(release.draft().code, 0);
    for (version, why) in
        [("9.9.9", "Cargo.toml does not say"), ("1.0", "no version"), ("1.0.0;id", "no version")]
    {
        let release = Release { version, ..Release::new() };
        let run = release.draft();
        assert!(run.code != 0 && run.stderr.contains(why), "{}", run.stderr);
        assert!(!release.path("github/calls").exists());
    }
}

#[test]
fn a_draft_is_made_anew_until_it_is_published() {
    let release = Release::new();
    release.draft().expect(0);
    std::fs::write(release.path("assets").join(asset(TARGET)), "built again").unwrap();
    release.draft().expect(0);
    release.merge();
    release.publish(&[]).expect(0);
    let run = release.draft();
    assert!(run.code != 0 && run.stderr.contains("is published already"), "{}", run.stderr);
}

#[test]
fn assets_that_were_replaced_taken_away_or_cut_are_not_published() {
    let changes: [(&str, Change, &str); 4] = [
        (
            "replaced",
            |file| std::fs::write(file, "other").unwrap(),
            "is not what was reviewed: wanted sha256 ",
        ),
        ("cut", |file| std::fs::write(file, &program(TARGET)[..20]).unwrap(), "is not what was reviewed"),
        (
            "emptied",
            |file| std::fs::write(file, "").unwrap(),
            "has no fargate-stack-x86_64-unknown-linux-musl",
        ),
        (
            "gone",
            |file| std::fs::remove_file(file).unwrap(),
            "has no fargate-stack-x86_64-unknown-linux-musl",
        ),
    ];
    for (what, change, why) in changes {
        eprintln!("{what}");
        let release = Release::new();
        release.draft().expect(0);
        release.merge();
        change(release.drafted(TARGET));
        release.refuses(&[], why);
    }
}

#[test]
fn without_provenance_draft_or_whole_table_nothing_is_published() {
    let release = Release::new();
    release.draft().expect(0);
    // The merge has not happened: this commit names no release, and that is no failure.
    let run = release.publish(&[]).expect(0);
    assert!(run.stdout.contains("nothing to publish") && !release.path("github/published").exists());
    release.merge();
    release.refuses(&[("FAKE_UNATTESTED", &asset(TARGETS[4]))], "is not confirmed");

    let table = release.path("checkout/versions.txt");
    let whole = std::fs::read_to_string(&table).unwrap();
    let last = whole.lines().last().unwrap();
    std::fs::write(&table, whole.replace(&format!("{last}\n"), "")).unwrap();
    release.refuses(&[], "does not name each target once");
    std::fs::write(&table, whole.replace(TARGETS[4], TARGETS[0])).unwrap();
    release.refuses(&[], "");
    std::fs::write(&table, whole.replacen(release.version, "9.9.9", 1)).unwrap();
    release.refuses(&[], "does not name one version");

    std::fs::write(&table, whole).unwrap();
    std::fs::write(
        release.path("github/refs.json"),
        format!("{{\"tags/v{}\": \"{BUILT}\"}}", release.version),
    )
    .unwrap();
    release.refuses(&[], "is there already");
    std::fs::write(release.path("github/releases.json"), "{}").unwrap();
    release.refuses(&[], "there is no draft");
}
