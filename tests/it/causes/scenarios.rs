//! One scenario a class of failures: what happens, and what must be said of it.

use serde_json::{Value, json};

/// What happens.
pub enum Play {
    /// The first deployment of a service does this.
    Service(Value),
    /// The same, of a service behind a load balancer.
    Balanced(Value),
    /// The same, of a service that watches the alarm `errors`.
    Watched(Value),
    /// A run of a task does this.
    Run(Value),
    /// ECS does not begin the run, for this reason.
    NotPlaced(Value),
    /// The local AWS has no such thing, so the evidence itself is given.
    Words(Value),
}

/// A class, what happens, and parts of what must be said.
pub struct Scenario {
    pub class: &'static str,
    pub play: Play,
    /// The container that is named; empty when none is.
    pub container: &'static str,
    /// A part of the remedy.
    pub remedy: &'static str,
    /// Whether the script's log lines are shown.
    pub logs: bool,
}

fn of(class: &'static str, play: Play, container: &'static str, remedy: &'static str) -> Scenario {
    Scenario { class, play, container, remedy, logs: false }
}

fn logged(class: &'static str, play: Play, remedy: &'static str) -> Scenario {
    Scenario { class, play, container: "app", remedy, logs: true }
}

/// A task that ECS does not get to run.
fn init(reason: &str) -> Play {
    Play::Service(json!({ "outcome": "init_error", "reason": reason }))
}

fn pull(reason: &str) -> Play {
    Play::Service(json!({ "outcome": "pull_error", "reason": reason }))
}

fn event(words: &str) -> Play {
    Play::Service(json!({ "outcome": "stuck_pending", "event": words }))
}

/// The load balancer says this of running tasks.
pub fn target(state: &str, reason: &str, description: &str) -> Play {
    Play::Balanced(json!({
        "outcome": "healthy",
        "target_health": { "state": state, "reason": reason, "description": description }
    }))
}

/// What the load balancer can say of running tasks: the name of the scenario, the class, the words, and a part of the remedy.
pub const BY_TARGET: [(&str, &str, [&str; 3], &str); 13] = [
    (
        "code-404",
        "elb-health-check",
        ["unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [404]"],
        "`tasks.code-404.health_check.path` (`/up` now)",
    ),
    (
        "code-302",
        "elb-health-check",
        ["unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [302]"],
        "`tasks.code-302.health_check.matcher` (`200-299` now)",
    ),
    (
        "closed",
        "elb-health-check",
        ["unhealthy", "Target.Timeout", "Request timed out"],
        "no rule of it does; `fargate-stack apply` makes the one of the stack file",
    ),
    (
        "silent",
        "elb-health-check",
        ["unhealthy", "Target.Timeout", "Request timed out"],
        "let the program listen on 0.0.0.0:80 (not on 127.0.0.1",
    ),
    (
        "refusing",
        "elb-health-check",
        ["unhealthy", "Target.FailedHealthChecks", "Health checks failed"],
        "`tasks.refusing.health_check.grace_period_seconds` (45 now)",
    ),
    (
        "zone",
        "target-unused",
        [
            "unused",
            "Target.NotInUse",
            "Target is in an Availability Zone that is not enabled for the load balancer",
        ],
        "enable the Availability Zones",
    ),
    (
        "group",
        "target-unused",
        [
            "unused",
            "Target.NotInUse",
            "Target group is not configured to receive traffic from the load balancer",
        ],
        "let a listener rule forward to `group`, which none does",
    ),
    (
        "absent",
        "target-unusable",
        ["unused", "Target.NotRegistered", "Target is not registered to the target group"],
        "let nobody but ECS register",
    ),
    (
        "address",
        "target-unusable",
        ["unused", "Target.IpUnusable", "Cannot use the IP address"],
        "other addresses",
    ),
    (
        "state",
        "target-unusable",
        ["unused", "Target.InvalidState", "Target is in the stopped state"],
        "let nobody but ECS",
    ),
    (
        "unchecked",
        "target-unusable",
        ["unavailable", "Target.HealthCheckDisabled", "Health checks are disabled"],
        "turn the health check of the target group on again",
    ),
    (
        "fault",
        "elb-internal-error",
        ["unhealthy", "Elb.InternalError", "Internal error"],
        "AWS Health Dashboard",
    ),
    (
        "going",
        "slow-start",
        ["initial", "Elb.InitialHealthChecking", "Initial health checks in progress"],
        "wait",
    ),
];

/// The lines of scenarios whose log is shown.
pub const LINES: [&str; 3] = ["starting", "reading /etc/app.conf", "fatal: no such option `colour`"];

fn crash(exit_code: i32) -> Play {
    Play::Service(json!({ "outcome": "crash", "exit_code": exit_code, "log": LINES }))
}

/// In the order of the table.
#[allow(clippy::too_many_lines, reason = "one line a class")]
pub fn all() -> Vec<Scenario> {
    vec![
        of(
            "digest-mismatch",
            Play::Words(json!({
                "mismatch": { "container": "app", "pinned": "sha256:aaaa", "running": "sha256:bbbb" }
            })),
            "app",
            "pin `tasks.digest-mismatch.image` by its digest",
        ),
        of("superseded", Play::Service(json!({ "outcome": "superseded" })), "", "one run deploy at a time"),
        of(
            "hook",
            Play::Words(json!({
                "record": {
                    "arn": "arn:aws:ecs:us-east-1:123456789012:service-deployment/main/hook/abc",
                    "stage": "POST_TEST_TRAFFIC_SHIFT",
                    "hooks": [{
                        "id": "h-1", "kind": "AWS_LAMBDA", "status": "FAILED",
                        "target": "arn:aws:lambda:us-east-1:123456789012:function:smoke"
                    }]
                }
            })),
            "",
            "mend the function",
        ),
        of(
            "alarm",
            Play::Watched(json!({ "outcome": "healthy", "after_s": 0.2, "alarms": ["errors"] })),
            "",
            "describe-alarm-history --alarm-name 'errors'",
        ),
        of(
            "explicit-deny",
            pull(
                "CannotPullContainerError: User: arn:aws:sts::123456789012:assumed-role/FargateCausesRole/x is not authorized to \
                 perform: ecr:BatchGetImage on resource: arn:aws:ecr:us-east-1:123456789012:repository/shop with an explicit \
                 deny in a service control policy",
            ),
            "app",
            "service control policy of the organisation",
        ),
        of(
            "pass-role",
            event(
                "failed to launch a task with (error ECS was unable to start: User: arn:aws:sts::123456789012:assumed-role/ci/x is \
                 not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/FargateCausesTaskRole).",
            ),
            "",
            r#""iam:PassedToService":"ecs-tasks.amazonaws.com""#,
        ),
        of(
            "role-trust",
            init(
                "ECS was unable to assume the role 'arn:aws:iam::123456789012:role/FargateCausesRole' that was provided for this \
                 task. Please verify that the role being passed has the proper trust relationship and permissions.",
            ),
            "app",
            r#""Action":"sts:AssumeRole""#,
        ),
        of(
            "wrong-architecture",
            Play::Service(
                json!({ "outcome": "crash", "exit_code": 255, "log": ["exec /bin/app: exec format error"] }),
            ),
            "app",
            "set `tasks.wrong-architecture.cpu_architecture` to `ARM64`",
        ),
        of(
            "registry-rate-limit",
            pull(
                "CannotPullContainerError: inspect image has been retried 5 time(s): httpReadSeeker: failed open: unexpected status \
                 code https://registry-1.docker.io/v2/library/nginx/manifests/latest: 429 Too Many Requests - Server message: \
                 toomanyrequests: You have reached your pull rate limit.",
            ),
            "app",
            "pull-through cache",
        ),
        of(
            "out-of-disk",
            pull(
                "CannotPullContainerError: failed to register layer: write /usr/lib/libcuda.so: no space left on device",
            ),
            "app",
            "smaller",
        ),
        of(
            "secret-not-found",
            Play::Service(json!({ "outcome": "init_error" })),
            "app",
            "`tasks.secret-not-found.secrets`",
        ),
        of(
            "secret-forbidden",
            init(
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable \
                 to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret \
                 arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db-AbCdEf from secrets manager: AccessDeniedException: \
                 User: arn:aws:sts::123456789012:assumed-role/FargateCausesRole/1 is not authorized to perform: \
                 secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db-AbCdEf \
                 because no identity-based policy allows the secretsmanager:GetSecretValue action",
            ),
            "app",
            r#"{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db-AbCdEf"}"#,
        ),
        of(
            "secret-unreachable",
            init(
                "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: There is a \
                 connection issue between the task and AWS Secrets Manager. Check your task network configuration. failed to fetch \
                 secret from secrets manager: RequestCanceled: request context canceled caused by: context deadline exceeded",
            ),
            "app",
            "outgoing TCP 443",
        ),
        of(
            "env-file",
            init(
                "ResourceInitializationError: failed to download env files: file download command: non empty error stream: service \
                 call has been retried 1 time(s): operation error S3: GetObject, https response error StatusCode: 403, AccessDenied",
            ),
            "app",
            "s3:GetObject",
        ),
        of(
            "log-group",
            init(
                "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 time(s): failed to \
                 create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1",
            ),
            "app",
            "create the log group `/ecs/causes`",
        ),
        of(
            "efs-mount",
            init(
                "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: mount.nfs4: \
                 Connection timed out : unsuccessful EFS utils command execution; code: 32",
            ),
            "app",
            "incoming TCP 2049",
        ),
        of(
            "ebs-attach",
            Play::Words(json!({
                "groups": [{
                    "tasks": 3, "stop_code": "TaskFailedToStart", "reason": "Task failed to start",
                    "attachments": ["AmazonElasticBlockStorage FAILED ECS was unable to assume a role for the volume"],
                    "exits": [{ "container": "app" }]
                }]
            })),
            "app",
            "AmazonECSInfrastructureRolePolicyForVolumes",
        ),
        of(
            "subnet-addresses",
            event(
                "was unable to place a task. Reason: The subnet 'subnet-0a1b2c3d' does not have enough free addresses to satisfy the \
                 request (InsufficientFreeAddressesInSubnet).",
            ),
            "",
            "larger subnet in `subnets.private` instead of `subnet-0a1b2c3d`",
        ),
        of(
            "image-pull-forbidden",
            pull(
                "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
                 123456789012.dkr.ecr.us-east-1.amazonaws.com/shop:1: pulling from host failed with status code [manifests 1]: 403 \
                 Forbidden",
            ),
            "app",
            "ecr:BatchGetImage",
        ),
        of(
            "image-digest-gone",
            pull(
                "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
                 123456789012.dkr.ecr.us-east-1.amazonaws.com/shop@sha256:00000000000000000000000000000000000000000000000000000000000000ff: \
                 123456789012.dkr.ecr.us-east-1.amazonaws.com/shop@sha256:00000000000000000000000000000000000000000000000000000000000000ff: \
                 not found",
            ),
            "app",
            "lifecycle policy",
        ),
        of(
            "image-not-found",
            Play::Service(json!({ "outcome": "pull_error" })),
            "app",
            "`tasks.image-not-found.image`",
        ),
        of(
            "image-pull-timeout",
            pull(
                "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref \
                 123456789012.dkr.ecr.us-east-1.amazonaws.com/shop:1: failed to do request: Head \
                 \"https://123456789012.dkr.ecr.us-east-1.amazonaws.com/v2/shop/manifests/1\": dial tcp 10.0.3.14:443: i/o timeout",
            ),
            "app",
            "or VPC endpoints for `ecr.api`, `ecr.dkr`",
        ),
        of(
            "service-connect",
            Play::Words(json!({
                "groups": [{
                    "tasks": 2, "stop_code": "EssentialContainerExited", "reason": "Essential container in task exited",
                    "exits": [{ "container": "ecs-service-connect-abc", "code": 1 }, { "container": "app", "code": 143 }]
                }]
            })),
            "ecs-service-connect-abc",
            "portName",
        ),
        of(
            "dependency-failed",
            Play::Service(json!({
                "outcome": "init_error", "container": "helper", "exit_code": 3,
                "reason": "Task failed to start", "container_reason": "dependency of container app was not met"
            })),
            "helper",
            "make container `helper` end or get healthy",
        ),
        logged(
            "out-of-memory",
            Play::Service(json!({ "outcome": "oom", "log": LINES })),
            "set `tasks.out-of-memory.memory` to 1024",
        ),
        of(
            "cannot-start",
            init(
                "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: failed to \
                 create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \
                 \"serve\": executable file not found in $PATH: unknown",
            ),
            "app",
            "`tasks.cannot-start.command`",
        ),
        of(
            "container-health-check",
            Play::Service(json!({ "outcome": "unhealthy", "log": ["listening on :80"] })),
            "app",
            r#"`["CMD-SHELL","curl -f localhost"]`"#,
        ),
        of(
            "elb-internal-error",
            target("unhealthy", "Elb.InternalError", ""),
            "",
            "fargate-stack redeploy elb-internal-error",
        ),
        of(
            "target-unusable",
            target("unused", "Target.NotRegistered", "Target is not registered to the target group"),
            "",
            "let nobody but ECS register",
        ),
        of(
            "target-unused",
            target(
                "unused",
                "Target.NotInUse",
                "Target group is not configured to receive traffic from the load balancer",
            ),
            "",
            "let a listener rule forward to `target-unused`",
        ),
        of(
            "elb-health-check",
            Play::Balanced(json!({ "outcome": "unhealthy", "log": ["listening on :80"] })),
            "app",
            "`GET /up` on port 80 with 200-299 (it answered 502, which means that the program or what it needs fails)",
        ),
        logged("crashed-natively", crash(139), "native crash"),
        logged("killed", crash(137), "`tasks.killed.memory`"),
        of(
            "spot-interruption",
            Play::Service(json!({
                "outcome": "crash", "exit_code": 143, "stop_code": "SpotInterruption",
                "reason": "Your Spot Task was interrupted.", "log": ["SIGTERM received"]
            })),
            "app",
            "`FARGATE`",
        ),
        of(
            "host-retirement",
            Play::Run(json!({
                "outcome": "crash", "exit_code": 143, "stop_code": "InfrastructureHealth",
                "reason": "The underlying infrastructure is unhealthy.", "log": ["SIGTERM received"]
            })),
            "app",
            "nothing; ECS replaces the task",
        ),
        logged("essential-exited", crash(1), "fix what the last lines of the log name"),
        of(
            "quota",
            Play::NotPlaced(
                json!({ "reason": "You've reached the limit on the number of vCPUs you can run concurrently" }),
            ),
            "",
            "--quota-code L-3032A538",
        ),
        of(
            "unsupported-zone",
            Play::Service(json!({ "outcome": "capacity", "reason": "Internal error" })),
            "",
            "other Availability Zones in `subnets.private`",
        ),
        of(
            "capacity",
            Play::Service(json!({ "outcome": "capacity" })),
            "",
            "more Availability Zones in `subnets.private`",
        ),
        of(
            "deployment-deadlock",
            event(
                "was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the \
                 minimumHealthyPercent or maximumPercent value and try again.",
            ),
            "",
            "`minimumHealthyPercent` 100 and `maximumPercent` 200",
        ),
        of(
            "stopped-by-hand",
            Play::Run(json!({
                "outcome": "crash", "exit_code": 143, "stop_code": "UserInitiated", "reason": "Task stopped by user",
                "log": ["SIGTERM received"]
            })),
            "app",
            "ecs:StopTask",
        ),
        of(
            "throttled-start",
            event(
                "is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the \
                 Amazon ECS Developer Guide.",
            ),
            "",
            "fargate-stack redeploy throttled-start",
        ),
        of(
            "slow-start",
            Play::Service(json!({ "outcome": "stuck_pending" })),
            "",
            "fargate-stack wait slow-start --deployment",
        ),
        of(
            "unclassified",
            Play::Service(json!({
                "outcome": "init_error", "reason": "SomethingNewError: the frobnicator is out of phase"
            })),
            "app",
            "read the words of AWS",
        ),
    ]
}
