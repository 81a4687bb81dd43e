//! A new stack file: the few keys that somebody names, in a fixed order.

use std::fmt::Write as _;

use crate::render::yaml::scalar;

/// How a task of a new stack runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// All the time, without a load balancer.
    #[default]
    Daemon,
    /// To its end, on request.
    Task,
    /// To its end, by a schedule: a `task` with a `schedule`.
    Scheduled,
    /// All the time, behind an internal load balancer.
    Http,
    /// All the time, behind a public load balancer with a certificate.
    Https,
}

impl Kind {
    /// Every kind with its word.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Daemon, "daemon"),
        (Self::Task, "task"),
        (Self::Scheduled, "scheduled"),
        (Self::Http, "http"),
        (Self::Https, "https"),
    ];

    /// Reads its word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind)
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("task", |(_, word)| word)
    }

    /// It is behind a load balancer.
    pub fn is_web(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }

    /// It runs all the time.
    pub fn is_service(self) -> bool {
        matches!(self, Self::Daemon | Self::Http | Self::Https)
    }

    /// The `type` of the stack file.
    fn type_word(self) -> &'static str {
        if self == Self::Scheduled { "task" } else { self.word() }
    }
}

/// The automatic scaling of a service: its metric and the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scaling {
    /// Per cent of CPU.
    Cpu(u32),
    /// Requests a minute for each task.
    Requests(u32),
}

/// One task of a new stack file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskOutline {
    /// Its key.
    pub name: String,
    /// How it runs.
    pub kind: Kind,
    /// The image as it is written.
    pub image: String,
    /// The schedule of a scheduled task.
    pub schedule: Option<String>,
    /// The domain of a web service, where it is not that of the stack.
    pub domain: Option<String>,
    /// The port of a web service's container, unless it is 80.
    pub port: Option<u16>,
    /// Environment variables in their order.
    pub environment: Vec<(String, String)>,
    /// Automatic scaling.
    pub scaling: Option<Scaling>,
}

/// A new stack file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// The application.
    pub app: String,
    /// The account, where it is known.
    pub account: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The profile of the AWS configuration files.
    pub profile: Option<String>,
    /// The profile for Route 53.
    pub dns_profile: Option<String>,
    /// The domain of the web services.
    pub domain: Option<String>,
    /// Rule sets of the web application firewall; `None` is without one.
    pub firewall: Option<Vec<String>>,
    /// The tasks in their order.
    pub tasks: Vec<TaskOutline>,
}

impl Outline {
    /// The stack file. The same outline gives the same text.
    pub fn yaml(&self) -> String {
        let mut text = format!("app:\n  name: {}\n", scalar(&self.app));
        let keys = [("account", &self.account), ("region", &self.region), ("profile", &self.profile)];
        for (key, value) in keys.into_iter().chain([("domain", &self.domain)]) {
            if let Some(value) = value {
                let _ = writeln!(text, "{key}: {}", scalar(value));
            }
        }
        if let Some(profile) = &self.dns_profile {
            let _ = writeln!(text, "route53:\n  profile: {}", scalar(profile));
        }
        if let Some(rules) = &self.firewall {
            text.push_str("alb:\n  waf:\n    enabled: true\n    managed_rules:\n");
            for rule in rules {
                let _ = writeln!(text, "      - {}", scalar(rule));
            }
        }
        text.push_str("tasks:\n");
        for task in &self.tasks {
            task.write(&mut text);
        }
        text
    }
}

impl TaskOutline {
    fn write(&self, text: &mut String) {
        let _ = writeln!(text, "  {}:", scalar(&self.name));
        let _ = writeln!(text, "    type: {}", self.kind.type_word());
        let _ = writeln!(text, "    image: {}", scalar(&self.image));
        for (key, value) in [("schedule", &self.schedule), ("domain", &self.domain)] {
            if let Some(value) = value {
                let _ = writeln!(text, "    {key}: {}", scalar(value));
            }
        }
        if let Some(port) = self.port {
            let _ = writeln!(text, "    container_port: {port}");
        }
        if !self.environment.is_empty() {
            text.push_str("    environment:\n");
            for (name, value) in &self.environment {
                let _ = writeln!(text, "      {}: {}", scalar(name), scalar(value));
            }
        }
        if let Some(scaling) = self.scaling {
            let (metric, target) = match scaling {
                Scaling::Cpu(target) => ("cpu", target),
                Scaling::Requests(target) => ("requests", target),
            };
            let _ = writeln!(
                text,
                "    autoscaling:\n      min_capacity: 1\n      max_capacity: 2\n      {metric}: {target}\n      \
                 scale_out_cooldown: 60\n      scale_in_cooldown: 300"
            );
        }
    }
}
