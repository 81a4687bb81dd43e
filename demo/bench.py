"""How soon a rollout's end is told, and what the waiting costs: `fargate-stack wait` against the sandbox, its clock at real speed.

The fact is what the sandbox's ECS says: the end of the service deployment, the beginning of its rollback, the stop of the first
task. Our line is what `wait` writes to standard error, by the same clock. Rollouts take different, random times.
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

from demo import Sandbox, target_directory

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


def main():
    binaries = target_directory()
    chance = random.Random(1)
    sandbox = Sandbox(binaries)
    rows, number = [], 0
    try:
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
    finally:
        sandbox.close()
    print(f"{'from the fact to our line':28}{'runs':>6}{'median':>10}{'worst':>10}{'calls a minute':>18}")
    for name, delays, calls in rows:
        rate = f"{statistics.median(calls):.0f}" if calls else ""
        print(f"{name:28}{len(delays):6}{statistics.median(delays):8.1f} s{max(delays):8.1f} s{rate:>18}")
    if any(statistics.median(delays) > 5 for name, delays, calls in rows if calls):
        sys.exit("the median is beyond 5 s")


if __name__ == "__main__":
    main()
