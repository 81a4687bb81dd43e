//! How far a permission can be narrowed: which resources an action names, and which conditions it knows.
//!
//! Source of every row: the Service Authorization Reference, "Actions, resources, and condition keys" of each service. An action for
//! which it names no resource type takes `*` only.

use std::collections::{BTreeMap, BTreeSet};

use super::Place;
use super::need::{Repository, Uses, repositories};
use crate::config::Config;
use crate::stack::web::{Scheme, Zone, balancing_name};
use crate::stack::{self, Names, STACK, Statement, marker};

/// Where an action is allowed. The name is the statement's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// AWS knows no resource-level permission for it.
    Everywhere,
    /// The same, for what is made with the stack's tag.
    MadeAnywhere,
    /// The stack's cluster.
    Cluster,
    /// Anything, of the stack's cluster (`ecs:cluster`).
    InCluster,
    /// The services of the cluster.
    Services,
    /// The services, their deployments and their revisions.
    Deployments,
    /// The tasks of the cluster.
    Tasks,
    /// Cluster, services, task definitions: what gets tags of ECS.
    EcsTags,
    /// New revisions of the stack's families.
    NewRevisions,
    /// Revisions of the stack's families that carry its tag.
    OwnRevisions,
    /// Revisions of the stack's families, run in its cluster.
    RunFamilies,
    /// The log group.
    LogGroup,
    /// The streams of the log group.
    LogStreams,
    /// The rules of the schedules.
    Rules,
    /// The rules, for targets in the cluster.
    RuleTargets,
    /// The roles.
    Roles,
    /// The repositories of the images.
    Repositories,
    /// The secrets, by name.
    Secrets,
    /// A new security group.
    NewGroups,
    /// Security groups that carry the tag.
    OwnGroups,
    /// Tags of a new security group, and of those that carry the tag.
    GroupTags,
    /// A new load balancer under the stack's names.
    NewBalancers,
    /// A load balancer that carries the tag.
    OwnBalancers,
    /// A new listener of a load balancer that the stack may use.
    NewListeners,
    /// Listeners that carry the tag.
    OwnListeners,
    /// Listeners that the stack may use, of others too.
    UsedListeners,
    /// A new rule in one of them.
    NewRules,
    /// Rules that carry the tag.
    OwnRules,
    /// Rules: an action that knows no tags.
    AnyRules,
    /// A new target group under the stack's names.
    NewTargetGroups,
    /// Target groups that carry the tag.
    OwnTargetGroups,
    /// Tags of new parts of load balancing, and of those that carry the tag.
    BalancingTags,
    /// Certificates.
    Certificates,
    /// Certificates that carry the tag.
    OwnCertificates,
    /// Tags of certificates that carry the tag of no other stack.
    CertificateTags,
    /// The hosted zones.
    Zones,
    /// Records of the domains, and the markers beside them.
    Records,
    /// The role that makes the records.
    DnsRole,
    /// The parameters of the lock.
    Lock,
    /// The two roles that tasks run with.
    PassTasks,
    /// The role of the schedules.
    PassEvents,
    /// The role that ECS makes for itself.
    LinkedEcs,
    /// The role that Elastic Load Balancing makes for itself.
    LinkedBalancing,
}

use Reach::{
    AnyRules, BalancingTags, CertificateTags, Certificates, Cluster, Deployments, DnsRole, EcsTags,
    Everywhere, GroupTags, InCluster, LinkedBalancing, LinkedEcs, Lock, LogGroup, LogStreams, MadeAnywhere,
    NewBalancers, NewGroups, NewListeners, NewRevisions, NewRules, NewTargetGroups, OwnBalancers,
    OwnCertificates, OwnGroups, OwnListeners, OwnRevisions, OwnRules, OwnTargetGroups, PassEvents, PassTasks,
    Records, Repositories, Roles, RuleTargets, Rules, RunFamilies, Secrets, Services, Tasks, UsedListeners,
    Zones,
};

/// Action → where. An action that is not here is not narrowed by guessing: the test of the table names it.
pub const ROWS: &[(&str, &[Reach])] = &[
    ("acm:AddTagsToCertificate", &[CertificateTags]),
    ("acm:DeleteCertificate", &[OwnCertificates]),
    ("acm:DescribeCertificate", &[Certificates]),
    ("acm:ListCertificates", &[Everywhere]),
    ("acm:ListTagsForCertificate", &[Certificates]),
    ("acm:RequestCertificate", &[MadeAnywhere]),
    ("ec2:AuthorizeSecurityGroupIngress", &[OwnGroups]),
    ("ec2:CreateSecurityGroup", &[NewGroups]),
    ("ec2:CreateTags", &[GroupTags]),
    ("ec2:DeleteSecurityGroup", &[OwnGroups]),
    ("ec2:DescribeInternetGateways", &[Everywhere]),
    ("ec2:DescribeRouteTables", &[Everywhere]),
    ("ec2:DescribeSecurityGroups", &[Everywhere]),
    ("ec2:DescribeSubnets", &[Everywhere]),
    ("ec2:DescribeVpcEndpoints", &[Everywhere]),
    ("ec2:DescribeVpcs", &[Everywhere]),
    ("ec2:RevokeSecurityGroupIngress", &[OwnGroups]),
    ("ec2:UpdateSecurityGroupRuleDescriptionsIngress", &[OwnGroups]),
    ("ecr:BatchGetImage", &[Repositories]),
    ("ecr:DescribeImages", &[Repositories]),
    ("ecr:DescribeRepositories", &[Repositories]),
    ("ecr:GetDownloadUrlForLayer", &[Repositories]),
    ("ecr:GetLifecyclePolicy", &[Repositories]),
    ("ecs:CreateCluster", &[Cluster]),
    ("ecs:CreateService", &[Services]),
    ("ecs:DeleteCluster", &[Cluster]),
    ("ecs:DeleteService", &[Services]),
    ("ecs:DeleteTaskDefinitions", &[OwnRevisions]),
    ("ecs:DeregisterTaskDefinition", &[Everywhere]),
    ("ecs:DescribeClusters", &[Cluster]),
    ("ecs:DescribeServiceDeployments", &[Deployments]),
    ("ecs:DescribeServiceRevisions", &[Deployments]),
    ("ecs:DescribeServices", &[Services]),
    ("ecs:DescribeTaskDefinition", &[Everywhere]),
    ("ecs:DescribeTasks", &[Tasks]),
    ("ecs:ListServiceDeployments", &[Services]),
    ("ecs:ListTaskDefinitions", &[Everywhere]),
    ("ecs:ListTasks", &[InCluster]),
    ("ecs:RegisterTaskDefinition", &[NewRevisions]),
    ("ecs:RunTask", &[RunFamilies]),
    ("ecs:StopServiceDeployment", &[Deployments]),
    ("ecs:StopTask", &[Tasks]),
    ("ecs:TagResource", &[EcsTags]),
    ("ecs:UpdateService", &[Services]),
    ("elasticloadbalancing:AddListenerCertificates", &[UsedListeners]),
    ("elasticloadbalancing:AddTags", &[BalancingTags]),
    ("elasticloadbalancing:CreateListener", &[NewListeners]),
    ("elasticloadbalancing:CreateLoadBalancer", &[NewBalancers]),
    ("elasticloadbalancing:CreateRule", &[NewRules]),
    ("elasticloadbalancing:CreateTargetGroup", &[NewTargetGroups]),
    ("elasticloadbalancing:DeleteListener", &[OwnListeners]),
    ("elasticloadbalancing:DeleteLoadBalancer", &[OwnBalancers]),
    ("elasticloadbalancing:DeleteRule", &[OwnRules]),
    ("elasticloadbalancing:DeleteTargetGroup", &[OwnTargetGroups]),
    ("elasticloadbalancing:DescribeListenerCertificates", &[Everywhere]),
    ("elasticloadbalancing:DescribeListeners", &[Everywhere]),
    ("elasticloadbalancing:DescribeLoadBalancerAttributes", &[Everywhere]),
    ("elasticloadbalancing:DescribeLoadBalancers", &[Everywhere]),
    ("elasticloadbalancing:DescribeRules", &[Everywhere]),
    ("elasticloadbalancing:DescribeTags", &[Everywhere]),
    ("elasticloadbalancing:DescribeTargetGroupAttributes", &[Everywhere]),
    ("elasticloadbalancing:DescribeTargetGroups", &[Everywhere]),
    ("elasticloadbalancing:DescribeTargetHealth", &[Everywhere]),
    ("elasticloadbalancing:ModifyListener", &[OwnListeners]),
    ("elasticloadbalancing:ModifyLoadBalancerAttributes", &[OwnBalancers]),
    ("elasticloadbalancing:ModifyRule", &[OwnRules]),
    ("elasticloadbalancing:ModifyTargetGroup", &[OwnTargetGroups]),
    ("elasticloadbalancing:ModifyTargetGroupAttributes", &[OwnTargetGroups]),
    ("elasticloadbalancing:RemoveListenerCertificates", &[UsedListeners]),
    ("elasticloadbalancing:SetRulePriorities", &[AnyRules]),
    ("elasticloadbalancing:SetSecurityGroups", &[OwnBalancers]),
    ("elasticloadbalancing:SetSubnets", &[OwnBalancers]),
    ("events:DeleteRule", &[Rules]),
    ("events:DescribeRule", &[Rules]),
    ("events:ListTagsForResource", &[Rules]),
    ("events:ListTargetsByRule", &[Rules]),
    ("events:PutRule", &[Rules]),
    ("events:PutTargets", &[RuleTargets]),
    ("events:RemoveTargets", &[Rules]),
    ("events:TagResource", &[Rules]),
    ("iam:CreateRole", &[Roles]),
    ("iam:CreateServiceLinkedRole", &[LinkedEcs, LinkedBalancing]),
    ("iam:DeleteRole", &[Roles]),
    ("iam:DeleteRolePolicy", &[Roles]),
    ("iam:DetachRolePolicy", &[Roles]),
    ("iam:GetRole", &[Roles]),
    ("iam:GetRolePolicy", &[Roles]),
    ("iam:ListAttachedRolePolicies", &[Roles]),
    ("iam:ListRolePolicies", &[Roles]),
    ("iam:PassRole", &[PassTasks, PassEvents]),
    ("iam:PutRolePolicy", &[Roles]),
    ("iam:TagRole", &[Roles]),
    ("iam:UpdateAssumeRolePolicy", &[Roles]),
    ("logs:CreateLogGroup", &[LogGroup]),
    ("logs:DeleteLogGroup", &[LogGroup]),
    ("logs:DeleteRetentionPolicy", &[LogGroup]),
    ("logs:DescribeLogGroups", &[Everywhere]),
    ("logs:FilterLogEvents", &[LogGroup]),
    ("logs:GetLogEvents", &[LogStreams]),
    ("logs:ListTagsForResource", &[LogGroup]),
    ("logs:PutRetentionPolicy", &[LogGroup]),
    ("logs:TagResource", &[LogGroup]),
    ("route53:ChangeResourceRecordSets", &[Records]),
    ("route53:GetHostedZone", &[Zones]),
    ("route53:ListHostedZones", &[Everywhere]),
    ("route53:ListResourceRecordSets", &[Zones]),
    ("secretsmanager:DescribeSecret", &[Secrets]),
    ("ssm:AddTagsToResource", &[Lock]),
    ("ssm:DeleteParameter", &[Lock]),
    ("ssm:DeleteParameters", &[Lock]),
    ("ssm:GetParameter", &[Lock]),
    ("ssm:GetParameters", &[Lock]),
    ("ssm:GetParametersByPath", &[Lock]),
    ("ssm:PutParameter", &[Lock]),
    ("sts:AssumeRole", &[DnsRole]),
    ("sts:GetCallerIdentity", &[Everywhere]),
    ("tag:GetResources", &[Everywhere]),
];

/// The conditions of a statement: operator → key → values.
type Conditions = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// What a stack file says about the resources of its policies.
pub struct Ground<'a> {
    place: &'a Place,
    config: &'a Config,
    names: Names,
    uses: Uses,
    /// The families that may be run; for everything else all are meant.
    runnable: Vec<String>,
}

impl<'a> Ground<'a> {
    /// The ground of one stack. `tasks` limits which of its tasks may be run; empty for all.
    pub fn new(place: &'a Place, config: &'a Config, tasks: &[String]) -> Self {
        let chosen = config.tasks.iter().filter(|(key, _)| tasks.is_empty() || tasks.contains(key));
        let runnable = chosen.map(|(key, task)| stack::family(key, task).to_owned()).collect();
        Self { place, config, names: Names::new(config), uses: Uses::of(config), runnable }
    }

    /// The statements for these actions in one place, each resource with its conditions; none when the stack has no such resource.
    pub fn statements(&self, reach: Reach, actions: &BTreeSet<&'static str>) -> Vec<Statement> {
        let parts = self.parts(reach);
        let many = parts.len() > 1;
        let made = |(at, (resources, conditions)): (usize, (Vec<String>, Conditions))| {
            let sid = if many { format!("{reach:?}{}", at + 1) } else { format!("{reach:?}") };
            Statement { sid: Some(sid), conditions, ..Statement::allow(actions.iter().copied(), resources) }
        };
        parts.into_iter().filter(|(resources, _)| !resources.is_empty()).enumerate().map(made).collect()
    }

    fn parts(&self, reach: Reach) -> Vec<(Vec<String>, Conditions)> {
        let scope = &self.place.scope;
        let (cluster, stack) = (&self.names.cluster, &self.names.stack);
        let made = || when("StringEquals", &format!("aws:RequestTag/{STACK}"), &[stack]);
        let ours = || when("StringEquals", &format!("aws:ResourceTag/{STACK}"), &[stack]);
        let in_cluster = || when("ArnEquals", "ecs:cluster", &[&scope.cluster_arn(cluster)]);
        let ecs = |what: &str| scope.arn("ecs", &format!("{what}/{cluster}/*"));
        let balancing = |what: &str| scope.arn("elasticloadbalancing", what);
        let groups = || vec![scope.arn("ec2", "security-group/*")];
        let certificates = || vec![scope.arn("acm", "certificate/*")];
        let logs = scope.log_group_arn(&self.names.log_group);
        let plain = |resources: Vec<String>| vec![(resources, Conditions::new())];
        match reach {
            Everywhere => plain(vec!["*".to_owned()]),
            MadeAnywhere => vec![(vec!["*".to_owned()], made())],
            Cluster => plain(vec![scope.cluster_arn(cluster)]),
            InCluster => vec![(vec!["*".to_owned()], in_cluster())],
            Services => plain(vec![ecs("service")]),
            Deployments => plain(["service", "service-deployment", "service-revision"].map(ecs).to_vec()),
            Tasks => plain(vec![ecs("task")]),
            EcsTags => {
                let mut resources = vec![scope.cluster_arn(cluster), ecs("service"), ecs("task")];
                resources.extend(self.families());
                plain(resources)
            }
            NewRevisions => vec![(self.families(), made())],
            OwnRevisions => vec![(self.families(), ours())],
            RunFamilies => vec![(self.revisions(&self.runnable), in_cluster())],
            LogGroup => plain(vec![logs.clone(), format!("{logs}:*")]),
            LogStreams => plain(vec![format!("{logs}:log-stream:*")]),
            Rules => plain(self.rules()),
            RuleTargets => {
                vec![(self.rules(), when("ArnEquals", "events:TargetArn", &[&scope.cluster_arn(cluster)]))]
            }
            Roles => plain(self.roles()),
            Repositories => {
                plain(repositories(self.config).iter().map(|one: &Repository| one.arn(scope)).collect())
            }
            Secrets => plain(self.secrets()),
            NewGroups => {
                let vpc = self.config.vpc_id.as_deref().unwrap_or("*");
                vec![(groups(), made()), (vec![scope.arn("ec2", &format!("vpc/{vpc}"))], Conditions::new())]
            }
            OwnGroups => vec![(groups(), ours())],
            GroupTags => {
                let new = both(made(), when("StringEquals", "ec2:CreateAction", &["CreateSecurityGroup"]));
                vec![(groups(), new), (groups(), ours())]
            }
            NewBalancers => vec![(self.balancers("loadbalancer", "/*"), made())],
            OwnBalancers => vec![(vec![balancing("loadbalancer/app/*")], ours())],
            NewListeners => vec![(self.used("loadbalancer", ""), made())],
            OwnListeners => vec![(vec![balancing("listener/app/*")], ours())],
            UsedListeners => plain(self.used("listener", "/*")),
            NewRules => vec![(self.used("listener", "/*"), made())],
            OwnRules => vec![(vec![balancing("listener-rule/app/*")], ours())],
            AnyRules => plain(self.used("listener-rule", "/*")),
            NewTargetGroups => vec![(self.target_groups(), made())],
            OwnTargetGroups => vec![(vec![balancing("targetgroup/*")], ours())],
            BalancingTags => {
                let all = ["loadbalancer/app/*", "listener/app/*", "listener-rule/app/*", "targetgroup/*"];
                let all = all.map(balancing).to_vec();
                let actions = ["CreateListener", "CreateLoadBalancer", "CreateRule", "CreateTargetGroup"];
                let new = both(made(), when("StringEquals", "elasticloadbalancing:CreateAction", &actions));
                vec![(all.clone(), new), (all, ours())]
            }
            Certificates => plain(certificates()),
            OwnCertificates => vec![(certificates(), ours())],
            CertificateTags => {
                let free = when("StringEqualsIfExists", &format!("aws:ResourceTag/{STACK}"), &[stack]);
                // A certificate that is requested with tags has no ARN yet; AWS does not say which resource that is asked for.
                vec![(vec!["*".to_owned()], both(made(), free))]
            }
            Zones => plain(vec![self.zone()]),
            Records => vec![(vec![self.zone()], self.record_names())],
            DnsRole => plain(self.config.route53.role_arn.iter().cloned().collect()),
            Lock => {
                // Without the stars: `GetParametersByPath` is about the path itself.
                let path = scope.arn("ssm", &format!("parameter/fargate-stack/locks/{stack}"));
                plain(vec![path.clone(), format!("{path}/*")])
            }
            PassTasks => {
                let roles =
                    [&self.names.execution_role, &self.names.task_role].map(|role| scope.role_arn(role));
                vec![(roles.to_vec(), passed_to("ecs-tasks"))]
            }
            PassEvents if self.uses.schedules => {
                vec![(vec![scope.role_arn(&self.names.events_role)], passed_to("events"))]
            }
            LinkedEcs => vec![self.linked("ecs", "AWSServiceRoleForECS")],
            LinkedBalancing if self.uses.web => {
                vec![self.linked("elasticloadbalancing", "AWSServiceRoleForElasticLoadBalancing")]
            }
            PassEvents | LinkedBalancing => vec![],
        }
    }

    /// Every revision of every family of the stack.
    fn families(&self) -> Vec<String> {
        let all = self.config.tasks.iter().map(|(key, task)| stack::family(key, task).to_owned());
        self.revisions(&all.collect::<Vec<_>>())
    }

    fn revisions(&self, families: &[String]) -> Vec<String> {
        families.iter().map(|family| format!("{}:*", self.place.scope.task_definition_arn(family))).collect()
    }

    fn rules(&self) -> Vec<String> {
        let scheduled = self.config.tasks.iter().filter(|(_, task)| task.schedule.is_some());
        scheduled
            .map(|(key, _)| self.place.scope.arn("events", &format!("rule/{}", self.names.rule(key))))
            .collect()
    }

    /// The roles under their names, and under those that they may have had before.
    fn roles(&self) -> Vec<String> {
        let Names { execution_role, task_role, events_role, default_roles, .. } = &self.names;
        let all: BTreeSet<&String> =
            [execution_role, task_role, events_role].into_iter().chain(default_roles).collect();
        all.into_iter().map(|role| self.place.scope.role_arn(role)).collect()
    }

    /// Secrets Manager puts a hyphen and six random characters behind the name.
    fn secrets(&self) -> Vec<String> {
        let paths: BTreeSet<&String> =
            self.config.tasks.values().flat_map(|task| &task.secrets).map(|secret| &secret.path).collect();
        let arn = |path: &String| {
            if path.starts_with("arn:") {
                return path.clone();
            }
            self.place.scope.arn("secretsmanager", &format!("secret:{path}-??????"))
        };
        paths.into_iter().map(arn).collect()
    }

    fn schemes(&self) -> BTreeSet<Scheme> {
        let web = self.config.tasks.values().filter(|task| task.kind.is_web());
        web.map(|task| Scheme::of(self.config, task)).collect()
    }

    /// ARNs of the load balancers that are made for this stack, or of something in them.
    fn balancers(&self, what: &str, end: &str) -> Vec<String> {
        let names = self.schemes().into_iter().map(|scheme| stack::load_balancer(self.config, scheme));
        let names: BTreeSet<String> = names.flat_map(patterns).collect();
        let arn =
            |name: String| self.place.scope.arn("elasticloadbalancing", &format!("{what}/app/{name}{end}"));
        names.into_iter().map(arn).collect()
    }

    /// ARNs of the load balancer that the stack file names, else of any: which one is used shows in the account.
    fn used(&self, what: &str, end: &str) -> Vec<String> {
        let alb = &self.config.alb;
        match (&alb.arn, alb.create) {
            (Some(arn), _) => {
                vec![format!("{}{end}", arn.replacen(":loadbalancer/", &format!(":{what}/"), 1))]
            }
            (None, Some(true)) => self.balancers(what, "/*"),
            (None, _) => vec![self.place.scope.arn("elasticloadbalancing", &format!("{what}/app/*"))],
        }
    }

    fn target_groups(&self) -> Vec<String> {
        let web = self.config.tasks.iter().filter(|(_, task)| task.kind.is_web());
        let names: BTreeSet<String> =
            web.flat_map(|(key, _)| patterns(stack::target_group(self.config, key))).collect();
        let arn =
            |name: String| self.place.scope.arn("elasticloadbalancing", &format!("targetgroup/{name}/*"));
        names.into_iter().map(arn).collect()
    }

    fn zone(&self) -> String {
        let zone = self.config.route53.zone_id.as_deref().unwrap_or("*");
        format!("arn:{}:route53:::hostedzone/{zone}", self.place.scope.partition)
    }

    /// The domains, what proves a certificate beside them (`_….domain`), and the markers.
    fn record_names(&self) -> Conditions {
        const NAMES: &str = "route53:ChangeResourceRecordSetsNormalizedRecordNames";
        let web = self.config.tasks.values().filter(|task| task.kind.is_web());
        let domains = web.flat_map(|task| self.config.domains_of(task));
        // Route 53 writes a star as `\052`; the pattern of what is below a domain fits that, too.
        let bare = domains.map(|domain| domain.trim_start_matches("*.").to_ascii_lowercase());
        let any_zone = Zone { id: String::new(), name: "*".to_owned() };
        let mut names: BTreeSet<String> = bare.flat_map(|domain| [format!("*.{domain}"), domain]).collect();
        names.insert(format!("*.{}", marker::below(&self.names.stack, &any_zone)));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        // `ForAllValues` alone is true where the key is missing.
        both(when("ForAllValues:StringLike", NAMES, &names), when("Null", NAMES, &["false"]))
    }

    fn linked(&self, service: &str, role: &str) -> (Vec<String>, Conditions) {
        let host = format!("{service}.amazonaws.com");
        let arn = self.place.global("iam", &format!("role/aws-service-role/{host}/{role}"));
        (vec![arn], when("StringEquals", "iam:AWSServiceName", &[&host]))
    }
}

/// A name as it is given when it is free, and with the mark that is put behind it when it is not.
fn patterns(name: String) -> [String; 2] {
    let marked = balancing_name(&name, Some(""));
    // Six hexadecimal digits differ by what stood in the way.
    let start = marked.get(..marked.len().saturating_sub(6)).unwrap_or_default();
    [format!("{start}??????"), name]
}

fn passed_to(service: &str) -> Conditions {
    when("StringEquals", "iam:PassedToService", &[&format!("{service}.amazonaws.com")])
}

fn when(operator: &str, key: &str, values: &[&str]) -> Conditions {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Conditions::from([(operator.to_owned(), BTreeMap::from([(key.to_owned(), values)]))])
}

fn both(mut one: Conditions, other: Conditions) -> Conditions {
    for (operator, keys) in other {
        one.entry(operator).or_default().extend(keys);
    }
    one
}
