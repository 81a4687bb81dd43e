"""How soon a rollout's end is told, what the waiting costs, and what a plan costs: against the sandbox, its clock at real speed.

Rollouts: the fact is what the sandbox's ECS says: the end of the service deployment, the beginning of its rollback, the stop of the
first task. Our line is what `wait` writes to standard error, by the same clock. Rollouts take different, random times.

Plans: of stacks that are as they should be, every call 50 ms later than the sandbox could answer. `rounds` is the length of the
longest chain of calls of which none began before the one before it had ended: what latency makes slow, and nothing else does. On a
machine that is busy with other things, calls that are made together no longer overlap, and the numbers are too high.

With an argument, `rollouts` or `plans`, only that part.
"""

import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3

from demo import ROOT, Sandbox, target_directory

# Milliseconds before each answer, how often each plan is made, the sizes of the generated stacks, and the bound.
LATENCY = 50
PLANS = 3
EXAMPLES = ["worker", "multi"]
SERVICES = [5, 20, 50]
ROUNDS_MAX = 8

RUNS = 12
PARALLEL = 6
NAME = "bench"
STACK = f"app:\n  name: {NAME}\ntasks:\n  {NAME}:\n    type: daemon\n    image: helloworld:latest\n"
# What is measured, the outcome that is scripted, the shortest and the longest time of a task, the exit code of `wait`, our line.
KINDS = [
    ("success", "healthy", 2, 30, 0, r"  done: "),
    ("failure", "crash", 1, 8, 4, r"  failed: "),
]


def environment(sandbox, account):
    """What a run of the binary sees."""
    return {
        "AWS_ENDPOINT_URL": sandbox.ready["aws_endpoint"],
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_REGION": sandbox.ready["region"],
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def one(sandbox, binaries, number, outcome, after, code, pattern):
    """One rollout in an account of its own: seconds to our line, to the line of the first failed task, calls a minute."""
    account = str(300_000_000_001 + number)
    sandbox.ask("POST", "seed", {"account": account, "seed": "standard"})
    env = environment(sandbox, account)
    with tempfile.TemporaryDirectory(prefix="fargate-stack-bench-") as folder:
        (Path(folder) / "fargate-stack.yml").write_text(STACK)
        run = lambda *args, **more: subprocess.Popen(
            [binaries / "fargate-stack", *args], cwd=folder, env=env, stdout=subprocess.PIPE, text=True, **more
        )
        first = run("apply", "--yes", stderr=subprocess.STDOUT)
        told, _ = first.communicate()
        if first.returncode:
            sys.exit(f"the apply failed:\n{told}")
        sandbox.ask("POST", "rollouts", {"account": account, "service": NAME, "outcome": outcome, "after_s": after})
        ecs = boto3.client(
            "ecs", endpoint_url=env["AWS_ENDPOINT_URL"], region_name=env["AWS_REGION"],
            aws_access_key_id=account, aws_secret_access_key="sandbox",
        )
        at = {"cluster": f"{NAME}-cluster", "service": NAME}
        service = ecs.update_service(forceNewDeployment=True, **at)["service"]
        deployment = service["deployments"][0]["id"]
        sandbox.ask("DELETE", f"calls?account={account}")
        began = time.time()
        waiting = run("wait", "--deployment", deployment, stderr=subprocess.PIPE)
        lines = [(time.time(), line) for line in waiting.stderr]
        ended = time.time()
        if waiting.wait() != code:
            sys.exit(f"{outcome}: exit code {waiting.returncode}\n{''.join(line for _, line in lines)}")
        calls = len(sandbox.ask("GET", f"calls?account={account}"))
        record = ecs.describe_service_deployments(
            serviceDeploymentArns=[ecs.list_service_deployments(**at)["serviceDeployments"][0]["serviceDeploymentArn"]]
        )["serviceDeployments"][0]
        fact = record.get("rollback", {}).get("startedAt") or record["finishedAt"]
        ours = next(when for when, line in lines if re.match(pattern, line))
        task = next((when for when, line in lines if line.startswith("  task failed: ")), None)
        if task:
            stopped = ecs.list_tasks(cluster=at["cluster"], serviceName=NAME, desiredStatus="STOPPED")["taskArns"]
            tasks = ecs.describe_tasks(cluster=at["cluster"], tasks=stopped)["tasks"]
            times = [one["stoppedAt"].timestamp() for one in tasks if one.get("startedBy") == deployment]
            task -= min(times)
        return ours - fact.timestamp(), task, calls * 60 / max(ended - began, 1)


def rounds(calls):
    """The longest chain of calls that did not overlap: of those that can be next, the one that ends first."""
    count, free = 0, 0.0
    for begin, end in sorted(((one["time"], one["time"] + one["ms"] / 1000) for one in calls), key=lambda span: span[1]):
        if begin >= free:
            count, free = count + 1, end
    return count


def generated(services):
    """A stack of services behind one load balancer: ten share a host name, for a listener takes 25 certificates."""
    tasks = [
        f"  s{number}:\n    type: https\n    image: http-test:latest\n    domain: h{number // 10}.example.com\n"
        f"    path: /s{number}/*\n"
        "    secrets: [helloworld/api-key:API_KEY]"
        for number in range(services)
    ]
    return "\n".join([f"app:\n  name: many{services}", "tasks:", *tasks, ""])


def unchanged_plan(sandbox, binaries, account, text):
    """A stack, applied, then planned with latency: calls, rounds, seconds."""
    sandbox.ask("POST", "seed", {"account": account, "seed": "standard"})
    env = environment(sandbox, account)
    with tempfile.TemporaryDirectory(prefix="fargate-stack-bench-") as folder:
        (Path(folder) / "fargate-stack.yml").write_text(text)

        def run(*args):
            begin = time.time()
            ended = subprocess.run([binaries / "fargate-stack", *args], cwd=folder, env=env, capture_output=True, text=True)
            if ended.returncode:
                told = (ended.stdout + ended.stderr).splitlines()
                sys.exit("\n".join([f"{args[0]} failed, exit code {ended.returncode}:", *told[-30:]]))
            return time.time() - begin

        run("apply", "--yes")
        sandbox.ask("POST", "latency", {"account": account, "ms": LATENCY})
        found = []
        for _ in range(PLANS):
            sandbox.ask("DELETE", f"calls?account={account}")
            # Exit code 6, and so the end, when there is anything to change.
            took = run("plan", "--detailed-exitcode")
            calls = sandbox.ask("GET", f"calls?account={account}")
            found.append((len(calls), rounds(calls), took))
        sandbox.ask("DELETE", f"latency?account={account}")
    # The machine's noise only ever adds.
    return min(found, key=lambda one: (one[1], one[2]))


def plans(sandbox, binaries):
    """What the plan of an unchanged stack costs, by the size of the stack."""
    stacks = [(name, (ROOT / "examples" / name / "fargate-stack.yml")) for name in EXAMPLES]
    stacks = [(f"example {name}", path.read_text()) for name, path in stacks if path.exists()]
    stacks += [(f"{count} services", generated(count)) for count in SERVICES]
    print(f"{f'plan, nothing to do, {LATENCY} ms a call':40}{'calls':>8}{'rounds':>8}{'time':>10}")
    slow = []
    for number, (name, text) in enumerate(stacks):
        calls, chain, took = unchanged_plan(sandbox, binaries, str(400_000_000_001 + number), text)
        print(f"{name:40}{calls:8}{chain:8}{took:8.2f} s", flush=True)
        # The inventory of a large stack has several pages, one round each.
        if name.startswith("example") and chain > ROUNDS_MAX:
            slow.append(name)
    if slow:
        sys.exit(f"more than {ROUNDS_MAX} rounds: {', '.join(slow)}")


def rollouts(sandbox, binaries):
    """How soon the end of a rollout is told."""
    chance = random.Random(1)
    rows, number = [], 0
    for name, outcome, shortest, longest, code, pattern in KINDS:
        jobs = []
        with ThreadPoolExecutor(PARALLEL) as pool:
            for _ in range(RUNS):
                after = round(chance.uniform(shortest, longest), 2)
                jobs.append(pool.submit(one, sandbox, binaries, number, outcome, after, code, pattern))
                number += 1
        results = [job.result() for job in jobs]
        rows.append((name, [result[0] for result in results], [result[2] for result in results]))
        tasks = [result[1] for result in results if result[1] is not None]
        if tasks:
            rows.append(("first failed task", tasks, None))
    print(f"{'from the fact to our line':28}{'runs':>6}{'median':>10}{'worst':>10}{'calls a minute':>18}")
    for name, delays, calls in rows:
        rate = f"{statistics.median(calls):.0f}" if calls else ""
        print(f"{name:28}{len(delays):6}{statistics.median(delays):8.1f} s{max(delays):8.1f} s{rate:>18}")
    if any(statistics.median(delays) > 5 for name, delays, calls in rows if calls):
        sys.exit("the median is beyond 5 s")


def main():
    binaries = target_directory()
    wanted = sys.argv[1:] or ["plans", "rollouts"]
    sandbox = Sandbox(binaries)
    try:
        for part in wanted:
            {"plans": plans, "rollouts": rollouts}[part](sandbox, binaries)
    finally:
        sandbox.close()


if __name__ == "__main__":
    main()
