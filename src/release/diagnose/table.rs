//! The table of causes: one row a class, in the order in which they are tried, the more certain and the more specific
//! before the general.

use super::{Evidence, Group, Match, exits, health, place, pull, setup, whole};

/// One class of failures.
#[derive(Debug)]
pub struct Row {
    /// A stable word in kebab case.
    pub class: &'static str,
    /// What failed, in a few words.
    pub title: &'static str,
    /// The likely cause.
    pub cause: &'static str,
    /// Whether the evidence is of this class; of one group of failed tasks, or of the rollout as a whole.
    pub recognise: fn(&Evidence, Option<&Group>) -> Option<Match>,
    /// The one thing to change.
    pub remedy: fn(&Evidence, &Match) -> String,
    /// The command that shows more.
    pub more: More,
}

/// Where to look further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum More {
    /// The log of the task.
    Logs,
    /// The service with its events.
    Status,
    /// The images of the repository.
    Images,
    /// The record of the deployment.
    Deployment,
    /// The calls that were refused.
    Trail,
    /// The quotas of Fargate.
    Quotas,
}

impl More {
    /// The command, with the names filled in.
    pub fn command(self, evidence: &Evidence) -> String {
        let key = &evidence.key;
        let region = &evidence.region;
        match self {
            Self::Logs => format!("fargate-stack logs {key}"),
            Self::Status if evidence.service.is_some() => {
                format!("fargate-stack status {key} --max-events 20")
            }
            Self::Status => "fargate-stack list-tasks stopped".to_owned(),
            Self::Images => match pull::repository(evidence.image(None)) {
                Some(repository) => format!(
                    "aws ecr describe-images --region {region} --repository-name {repository} --query 'sort_by(imageDetails,&imagePushedAt)[-10:]'"
                ),
                None => "fargate-stack plan".to_owned(),
            },
            Self::Deployment => match &evidence.record.arn {
                Some(arn) => format!(
                    "aws ecs describe-service-deployments --region {region} --service-deployment-arns {arn}"
                ),
                None => Self::Status.command(evidence),
            },
            Self::Trail => "fargate-stack show cloudtrail-events".to_owned(),
            Self::Quotas => {
                format!("aws service-quotas list-service-quotas --region {region} --service-code fargate")
            }
        }
    }
}

/// What no row recognises.
pub(super) const UNCLASSIFIED: Row = Row {
    class: "unclassified",
    title: "it failed for a reason that is not in the table of causes",
    cause: "the words of AWS are below as they came",
    recognise: |_, _| None,
    remedy: whole::read_the_words,
    more: More::Status,
};

const fn row(
    class: &'static str,
    title: &'static str,
    cause: &'static str,
    recognise: fn(&Evidence, Option<&Group>) -> Option<Match>,
    remedy: fn(&Evidence, &Match) -> String,
    more: More,
) -> Row {
    Row { class, title, cause, recognise, remedy, more }
}

/// Every class, first match wins; the last is the one for everything else.
pub const ROWS: &[Row] = &[
    row(
        "digest-mismatch",
        "another image runs than the one that was released",
        "something registered or deployed another revision, or the tag was moved while the task started",
        whole::digest_mismatch,
        whole::release_again,
        More::Images,
    ),
    row(
        "superseded",
        "a newer deployment took the place of this one",
        "another release, or somebody in the console, deployed the same service meanwhile",
        whole::superseded,
        whole::one_at_a_time,
        More::Trail,
    ),
    row(
        "hook",
        "a lifecycle hook of the deployment did not let it go on",
        "its function failed, or nobody continued the deployment in time",
        whole::hook,
        whole::mend_hook,
        More::Deployment,
    ),
    row(
        "alarm",
        "an alarm of the service went off",
        "the new revision makes the service worse, or the alarm was red before",
        whole::alarm,
        whole::mend_alarm,
        More::Deployment,
    ),
    row(
        "explicit-deny",
        "a policy denies it explicitly",
        "a service control policy, a permissions boundary or a resource policy; no permission of the role can undo it",
        setup::explicit_deny,
        setup::lift_deny,
        More::Trail,
    ),
    row(
        "pass-role",
        "the deploying role may not pass a role to ECS",
        "it lacks `iam:PassRole` on the roles of the task",
        setup::pass_role,
        setup::allow_pass_role,
        More::Trail,
    ),
    row(
        "role-trust",
        "ECS may not assume a role of the task",
        "the role was deleted or made a moment ago, or its trust policy does not name ECS",
        setup::role_trust,
        setup::mend_trust,
        More::Status,
    ),
    row(
        "wrong-architecture",
        "the image is not for the CPU architecture of the task",
        "it was built for another platform than the one that Fargate gives",
        pull::wrong_architecture,
        pull::build_for_it,
        More::Images,
    ),
    row(
        "registry-rate-limit",
        "the registry refuses more pulls",
        "pulls without an account are limited per address, and the address of a NAT gateway is shared",
        pull::rate_limit,
        pull::cache_it,
        More::Status,
    ),
    row(
        "out-of-disk",
        "the task's disk is full",
        "image and layers do not fit into the 20 GiB that a Fargate task has",
        pull::out_of_disk,
        pull::shrink,
        More::Images,
    ),
    row(
        "secret-not-found",
        "a secret does not exist",
        "it was deleted or renamed, it has no value yet, or lacks the JSON key",
        setup::secret_not_found,
        setup::name_secret,
        More::Status,
    ),
    row(
        "secret-forbidden",
        "the execution role may not read a secret",
        "its policy, the policy of the secret or the one of its KMS key does not allow it",
        setup::secret_forbidden,
        setup::allow_secret,
        More::Trail,
    ),
    row(
        "secret-unreachable",
        "the secrets could not be reached",
        "the subnets have no way to Secrets Manager, or the security group lets nothing out",
        setup::secret_unreachable,
        pull::open_the_way,
        More::Status,
    ),
    row(
        "env-file",
        "an environment file could not be read",
        "the object is not there, the execution role may not read it, or S3 cannot be reached",
        setup::env_file,
        setup::allow_env_file,
        More::Trail,
    ),
    row(
        "log-group",
        "the log could not be set up",
        "the log group is not there, the execution role may not write to it, or CloudWatch Logs cannot be reached",
        setup::log_group,
        setup::mend_log,
        More::Status,
    ),
    row(
        "efs-mount",
        "a file system could not be mounted",
        "no mount target in the zone, its security group is closed for port 2049, no permission, or the path does not exist",
        setup::efs,
        setup::mend_efs,
        More::Status,
    ),
    row(
        "ebs-attach",
        "a volume could not be attached",
        "the infrastructure role, the key or the zone of the volume does not fit",
        setup::ebs,
        setup::mend_ebs,
        More::Status,
    ),
    row(
        "subnet-addresses",
        "the task got no network address",
        "the subnet has no free addresses, or its network interface was not made in time",
        place::subnet_addresses,
        place::free_addresses,
        More::Status,
    ),
    row(
        "image-pull-forbidden",
        "the image may not be pulled",
        "the execution role, the repository's policy or the one of an endpoint does not allow it, or the registry wants credentials",
        pull::forbidden,
        pull::allow_pull,
        More::Images,
    ),
    row(
        "image-digest-gone",
        "the image that the revision pins is gone",
        "a lifecycle rule or somebody deleted it after the revision was made",
        pull::digest_gone,
        pull::keep_it,
        More::Images,
    ),
    row(
        "image-not-found",
        "the image does not exist",
        "the tag is not in the repository, or the reference names another repository, account or region",
        pull::not_found,
        pull::name_image,
        More::Images,
    ),
    row(
        "image-pull-timeout",
        "the registry could not be reached",
        "the subnets have no way to it, or the security group lets nothing out",
        pull::timeout,
        pull::open_the_way,
        More::Status,
    ),
    row(
        "service-connect",
        "the proxy of Service Connect failed",
        "the namespace is gone, or a port name of the service does not exist in the task definition",
        setup::service_connect,
        setup::mend_service_connect,
        More::Deployment,
    ),
    row(
        "dependency-failed",
        "a container that others wait for did not get ready",
        "it exited, never became healthy, or took longer than its `startTimeout`",
        exits::dependency,
        exits::mend_dependency,
        More::Logs,
    ),
    row(
        "out-of-memory",
        "a container was killed for its use of memory",
        "it needs more than the task's limit",
        exits::out_of_memory,
        exits::more_memory,
        More::Logs,
    ),
    row(
        "cannot-start",
        "the container could not be started",
        "its command does not exist in the image, or cannot be executed",
        exits::cannot_start,
        exits::mend_command,
        More::Logs,
    ),
    row(
        "container-health-check",
        "the container's own health check failed",
        "its command is not in the image, asks the wrong port, or the program is too slow to start",
        health::container,
        health::mend_container,
        More::Logs,
    ),
    row(
        "elb-internal-error",
        "the load balancer could not check the tasks",
        "a fault of Elastic Load Balancing, not of this release",
        health::internal,
        health::wait_for_it,
        More::Status,
    ),
    row(
        "target-unusable",
        "the load balancer cannot use the tasks",
        "somebody else took them out of the target group, turned its checks off or uses their addresses",
        health::unusable,
        health::mend_unusable,
        More::Status,
    ),
    row(
        "target-unused",
        "the load balancer does not use the target group",
        "no listener forwards to it, or the task's Availability Zone is not enabled",
        health::unused,
        health::use_it,
        More::Status,
    ),
    row(
        "elb-health-check",
        "the load balancer's health check failed",
        "wrong path, port or expected code, a closed security group, a program that listens on 127.0.0.1 only or is slow to start",
        health::balancer,
        health::mend_balancer,
        More::Status,
    ),
    row(
        "crashed-natively",
        "the program crashed",
        "native code, or a library for another CPU",
        exits::crashed,
        exits::mend_crash,
        More::Logs,
    ),
    row(
        "killed",
        "a container was killed",
        "it used more memory than there is, or did not end in time after SIGTERM",
        exits::killed,
        exits::mend_kill,
        More::Logs,
    ),
    row(
        "spot-interruption",
        "Fargate Spot took the capacity back",
        "Spot capacity may be reclaimed at any time, with two minutes of notice",
        place::spot,
        place::base_on_demand,
        More::Status,
    ),
    row(
        "host-retirement",
        "AWS retired the host of the task",
        "maintenance of Fargate or a fault of its hardware, not this release",
        place::retirement,
        place::nothing_to_do,
        More::Status,
    ),
    row(
        "essential-exited",
        "an essential container exited",
        "the program ended by itself; its last lines tell why",
        exits::exited,
        exits::mend_exit,
        More::Logs,
    ),
    row(
        "quota",
        "the account's quota for Fargate is used up",
        "all running tasks of the account in the region count together",
        place::quota,
        place::raise_quota,
        More::Quotas,
    ),
    row(
        "unsupported-zone",
        "Fargate could not place the task for an internal reason",
        "a subnet is in an Availability Zone without Fargate, when this repeats",
        place::unsupported_zone,
        place::leave_zone,
        More::Status,
    ),
    row(
        "capacity",
        "Fargate has no room for the task",
        "a shortage in these Availability Zones, more often on Spot",
        place::capacity,
        place::more_zones,
        More::Status,
    ),
    row(
        "deployment-deadlock",
        "ECS may neither stop an old task nor start a new one",
        "the minimum and maximum percentages of the service leave no room at this count",
        place::deadlock,
        place::workable_pair,
        More::Status,
    ),
    row(
        "stopped-by-hand",
        "somebody stopped it",
        "a call of StopTask or StopServiceDeployment, from a person or a program",
        exits::by_hand,
        exits::ask_who,
        More::Trail,
    ),
    row(
        "throttled-start",
        "ECS starts the tasks more and more rarely",
        "they failed again and again, so it pauses for up to 15 minutes between attempts",
        place::throttled,
        place::redeploy,
        More::Status,
    ),
    row(
        "slow-start",
        "nothing failed, but the tasks are not ready yet",
        "a large image, slow start-up, or old tasks that take their time to end",
        whole::slow_start,
        whole::wait_longer,
        More::Status,
    ),
    UNCLASSIFIED,
];
