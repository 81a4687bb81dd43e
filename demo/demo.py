"""The main job, shown on this machine: a pull request gets its plan, the merge applies exactly that plan to a local AWS.

Runs the real workflow of examples/multi through the real action.yml under act, against the sandbox. Needs no account and
no network; everything that it starts ends with it.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv" / "bin"
REPOSITORY = "octo/shop"
CREDENTIALS_ACTION = """\
name: credentials
description: Stands in for aws-actions/configure-aws-credentials, the sandbox takes any credentials
inputs: {role-to-assume: {description: ignored}, aws-region: {description: ignored}}
runs: {using: composite, steps: [{shell: sh, run: "true"}]}
"""


def target_directory():
    """Where cargo puts the binaries."""
    answer = subprocess.run(
        ["cargo", "metadata", "--format-version=1", "--no-deps"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return Path(json.loads(answer.stdout)["target_directory"]) / "debug"


def say(title):
    """A heading between the steps."""
    print(f"\n\033[1m━━ {title} ━━\033[0m\n" if sys.stdout.isatty() else f"\n━━ {title} ━━\n", flush=True)


class Sandbox:
    """The local AWS and GitHub; ends when its standard input is closed."""

    def __init__(self, binaries):
        self.process = subprocess.Popen(
            [binaries / "fargate-stack-sandbox", "serve", "--seed", "standard", "--python", VENV / "python"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        if not line:
            sys.exit("the sandbox did not start")
        self.ready = json.loads(line)

    def ask(self, method, path, body=None):
        """One request to the control API."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.ready['control']}/{path}", data=data, method=method)
        request.add_header("content-type", "application/json")
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"null")

    def close(self):
        """Ends it and waits."""
        self.process.stdin.close()
        self.process.wait(timeout=30)


class Checkout:
    """A repository with the example stack, and the runner's side of the workflow."""

    def __init__(self, folder, binaries, sandbox):
        self.folder, self.binaries, self.sandbox = folder, binaries, sandbox
        self.work = folder / "work"
        self.work.mkdir()
        self.git("init", "-q", "-b", "main")
        self.git("remote", "add", "origin", f"https://github.com/{REPOSITORY}.git")
        (self.work / "README.md").write_text("shop\n")
        self.base = self.commit("Start")
        action = {file: (ROOT / file).read_text() for file in ("action.yml", "bootstrap.sh", "versions.txt")}
        for name, files in {"action": action,
                            "credentials": {"action.yml": CREDENTIALS_ACTION}}.items():
            for file, text in files.items():
                (folder / name).mkdir(exist_ok=True)
                (folder / name / file).write_text(text)

    def git(self, *args):
        """One git command in the repository."""
        identity = ["-c", "user.name=author", "-c", "user.email=author@example.com"]
        answer = subprocess.run(
            ["git", *identity, *args], cwd=self.work, check=True, capture_output=True, text=True,
            env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
        )
        return answer.stdout.strip()

    def commit(self, message):
        """Commits everything; the new commit."""
        self.git("add", "--all")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def workflow(self, event_name, event):
        """Runs the repository's workflow for an event; its exit code."""
        path = self.folder / f"{event_name}.json"
        path.write_text(json.dumps(event))
        uses = (self.work / ".github/workflows/fargate.yml").read_text()
        credentials = next(word for word in uses.split() if word.startswith("aws-actions/"))
        ready = self.sandbox.ready
        environment = {
            "GITHUB_API_URL": ready["github_api"],
            "GITHUB_GRAPHQL_URL": f"{ready['github_api']}/graphql",
            "AWS_ENDPOINT_URL": ready["aws_endpoint"],
            "AWS_ACCESS_KEY_ID": ready["account"],
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_REGION": ready["region"],
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        command = [
            VENV / "act", event_name, "-e", path, "-P", "ubuntu-latest=-self-hosted", "-s", "GITHUB_TOKEN=demo",
            "--local-repository", f"org/fargate-stack-action@v1={self.folder / 'action'}",
            "--local-repository", f"{credentials}={self.folder / 'credentials'}",
            *[part for name, value in environment.items() for part in ("--env", f"{name}={value}")],
        ]
        outer = {
            "PATH": f"{self.binaries}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
        }
        run = subprocess.Popen(command, cwd=self.work, env=outer, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        told = set()
        for line in run.stdout:
            _, bar, text = line.partition("] ")
            # act tells an output of the action once for each step that it passes through.
            if not bar or not text.startswith(("  | ", "  ⚙", "  ❗", "  ❓", "❌", "🏁")) or text in told:
                continue
            if text.startswith("  ⚙"):
                told.add(text)
            print("   ", text.rstrip().removeprefix("  |"), flush=True)
        return run.wait()


def pull_request(checkout, head, **more):
    """The event of the pull request."""
    return {
        "action": "opened",
        "number": 1,
        "pull_request": {
            "number": 1,
            "head": {"sha": head, "ref": "shop", "repo": {"full_name": REPOSITORY}},
            "base": {"sha": checkout.base, "ref": "main"},
            "user": {"login": "author"},
            **more,
        },
        "repository": {"full_name": REPOSITORY, "default_branch": "main"},
    }


def main():
    binaries = target_directory()
    with tempfile.TemporaryDirectory(prefix="fargate-stack-demo-") as folder:
        sandbox = Sandbox(binaries)
        try:
            demo(Path(folder), binaries, sandbox)
        finally:
            sandbox.close()


def demo(folder, binaries, sandbox):
    checkout = Checkout(folder, binaries, sandbox)

    say("the stack file of the pull request")
    shutil.copytree(ROOT / "examples" / "multi", checkout.work, dirs_exist_ok=True)
    # A release is downloaded; here it is the program that was just built.
    with open(checkout.work / ".github/workflows/fargate.yml", "a") as workflow:
        workflow.write("        with:\n          binary: fargate-stack\n")
    print((checkout.work / "fargate-stack.yml").read_text())
    checkout.git("checkout", "-q", "-b", "shop")
    head = checkout.commit("Add the shop")
    sandbox.ask("POST", f"github/commits?repo={REPOSITORY}", {"repo": REPOSITORY, "sha": checkout.base, "branch": "main"})
    sandbox.ask("POST", "github/pulls", {
        "repo": REPOSITORY, "number": 1, "head_sha": head, "head_repo": REPOSITORY, "base": "main",
        "title": "Add the shop", "user": "author",
    })

    say("pull_request: the workflow plans")
    if checkout.workflow("pull_request", pull_request(checkout, head)):
        sys.exit("the plan failed")
    say("the comment on the pull request")
    for comment in sandbox.ask("GET", f"github/pulls/1/comments?repo={REPOSITORY}"):
        print(comment["body"])
    changed = [call for call in sandbox.ask("GET", "calls?source=aws") if call["mutating"]]
    print(f"\nmutating AWS calls so far: {len(changed)}")

    say("the merge: an image is built from its commit, and the workflow applies")
    checkout.git("checkout", "-q", "main")
    checkout.git("merge", "-q", "--no-ff", "-m", "Merge pull request #1", "shop")
    merge = checkout.git("rev-parse", "HEAD")
    sandbox.ask("POST", f"github/pulls/1/merge?repo={REPOSITORY}", {"sha": merge, "method": "merge"})
    for repository in ["helloworld", "http-test"]:
        image = {"repository": repository, "tag": merge, "platforms": ["linux/amd64", "linux/arm64"]}
        sandbox.ask("POST", "ecr/images", image)
    push = {
        "ref": "refs/heads/main", "before": checkout.base, "after": merge, "forced": False, "deleted": False,
        "created": False, "head_commit": {"id": merge, "message": "Merge pull request #1"},
        "repository": {"full_name": REPOSITORY, "default_branch": "main"},
    }
    if checkout.workflow("push", push):
        sys.exit("the apply failed")

    say("every mutating AWS call that was made")
    for call in sandbox.ask("GET", "calls?source=aws"):
        if call["mutating"]:
            print(f"    {call['service']}:{call['operation']}")

    def run(*args):
        """Runs the program by hand, where the stack file is."""
        print("$ fargate-stack", *args, flush=True)
        done = subprocess.run([binaries / "fargate-stack", *args], cwd=checkout.work, env={
            "PATH": os.environ["PATH"], "HOME": str(folder), "AWS_ENDPOINT_URL": sandbox.ready["aws_endpoint"],
            "AWS_ACCESS_KEY_ID": sandbox.ready["account"], "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_REGION": sandbox.ready["region"], "AWS_EC2_METADATA_DISABLED": "true",
        }, check=False, capture_output=True, text=True)
        print(done.stdout)
        return done

    say("a second plan")
    again = run("plan")
    if again.returncode or "No changes" not in again.stdout:
        sys.exit(f"the second plan is not empty\n{again.stderr}")

    say("a release whose program crashes")
    crashing = "2" * 40
    sandbox.ask("POST", "ecr/images", {"repository": "http-test", "tag": crashing})
    sandbox.ask("POST", "rollouts", {
        "service": "api", "outcome": "crash", "exit_code": 1, "after_s": 0.1,
        "log": ["starting", "fatal: relation \"orders\" does not exist"],
    })
    failed = run("release", "api", "--yes", "--image-tag", crashing)
    if failed.returncode != 4 or "relation" not in failed.stdout:
        sys.exit(f"the release should fail with its cause, and ended with {failed.returncode}\n{failed.stderr}")

    say("what was released")
    if run("releases").returncode:
        sys.exit("the releases cannot be listed")

    say("how it is now")
    now = run("status", "--max-events", "3")
    if now.returncode or "2 desired, 2 running" not in now.stdout or "healthy" not in now.stdout:
        sys.exit("the services should run, and their targets be healthy")


if __name__ == "__main__":
    main()
