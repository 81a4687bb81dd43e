//! The pipeline that every command shares: configuration → facts → stack → resources → plan.

use std::collections::BTreeSet;
use std::path::Path;

use crate::aws::inventory::Inventory;
use crate::aws::{Aws, Connection, Options};
use crate::cli::Selection;
use crate::config::{self, Config, ConfigError, Loaded};
use crate::engine::{self, Registry, Request, Scope};
use crate::error::{Error, ExitStatus};
use crate::kinds;
use crate::lookup::{self, Mirror, Registries, Tell, Wish};
use crate::model::{Address, CallError, Demand, Locator, Plan};
use crate::stack::{self, Names, Provenance, STACK, Stack, StackTask};

use super::{App, failure};

/// A stack file and the account that it is for.
pub struct Session {
    /// The file.
    pub loaded: Loaded,
    /// The account's clients.
    pub aws: Aws,
    /// The stack's names.
    pub names: Names,
    /// The drivers of all kinds.
    pub registry: Registry,
    /// Which run this is.
    provenance: Provenance,
    /// How registries outside ECR are reached.
    registries: Registries,
    /// Who is told what takes long.
    tell: Tell,
}

/// A plan, and what `--update` would write.
#[derive(Default)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// Route in the YAML → value.
    pub resolved: Vec<(Vec<String>, serde_json::Value)>,
}

impl App {
    /// Reads the stack file; in CI it must lie within the workspace.
    pub fn read(&self) -> Result<Loaded, ConfigError> {
        self.read_at(&self.cli.global.config)
    }

    /// Reads the stack file at a path; in CI it must lie within the workspace.
    pub fn read_at(&self, path: &Path) -> Result<Loaded, ConfigError> {
        match self.env.path("GITHUB_WORKSPACE").filter(|_| self.env.is_ci()) {
            Some(workspace) => config::load_within(&workspace, path),
            None => config::load(path),
        }
    }

    /// Reads the stack file, or says what is wrong with it.
    pub fn load(&self) -> Result<Loaded, Error> {
        self.read().map_err(|error| failure::config(&error))
    }

    /// What the command line selects for something that is carried out; in a workflow the commit's SHA is the image tag when
    /// none is given. A tag that the workflow names must be there, the commit is only a default.
    pub fn selected(&self, selection: &Selection) -> Selection {
        let commit = self.env.get("GITHUB_SHA").filter(|_| self.env.is_ci()).map(str::to_owned);
        let named = selection.image_tag.is_some() && self.env.is_ci();
        let demand = if named { Demand::Workflow } else { Demand::Typed };
        Selection { image_tag: selection.image_tag.clone().or(commit), demand, ..selection.clone() }
    }

    /// The same for something that is only shown.
    pub fn shown(&self, selection: &Selection) -> Selection {
        Selection { demand: Demand::Told, ..self.selected(selection) }
    }

    /// Which run of a workflow this is, and for which pull request.
    fn provenance(&self) -> Provenance {
        let get = |name: &str| self.env.get(name);
        let place = get("GITHUB_REPOSITORY").map(|repository| {
            format!("{}/{repository}", get("GITHUB_SERVER_URL").unwrap_or("https://github.com"))
        });
        let Some(place) = place.filter(|_| self.env.is_ci()) else {
            return Provenance::default();
        };
        let run = get("GITHUB_RUN_ID").map(|run| {
            let attempt = get("GITHUB_RUN_ATTEMPT").unwrap_or("1");
            format!("{place}/actions/runs/{run}/attempts/{attempt}")
        });
        let number = get("GITHUB_REF").and_then(|name| name.strip_prefix("refs/pull/")?.split('/').next());
        Provenance { pull_request: number.map(|number| format!("{place}/pull/{number}")), run }
    }

    /// How registries outside ECR are reached.
    fn registries(&self) -> Result<Registries, Error> {
        let name = "FARGATE_STACK_REGISTRY_ENDPOINT";
        let mirror = self.env.get(name).map(|url| {
            Mirror::parse(url).ok_or_else(|| {
                Error::new(ExitStatus::Usage, format!("{name} is `{url}`, which is no address of a registry"))
                    .hint("write a scheme and a host, like `http://127.0.0.1:5000`")
            })
        });
        let home = || self.env.path("HOME").map(|home| home.join(".docker"));
        Ok(Registries {
            mirror: mirror.transpose()?,
            docker_config: self.env.path("DOCKER_CONFIG").or_else(home),
        })
    }

    /// Writes a document to standard output.
    pub fn print(&self, document: &str) -> Result<(), Error> {
        self.console.out(document).map_err(|error| {
            Error::new(ExitStatus::Failed, "could not write to standard output").caused_by(error.to_string())
        })
    }

    /// The region, as far as command line, environment of ours and stack file say.
    pub fn region(&self, config: &Config) -> Option<String> {
        let global = &self.cli.global;
        let named = global.region.clone().or_else(|| self.env.get("FARGATE_STACK_REGION").map(str::to_owned));
        named.or_else(|| config.region.clone())
    }

    /// Settings of the AWS connection.
    pub fn connection(&self, config: &Config) -> Options {
        let global = &self.cli.global;
        let ci = self.env.is_ci();
        let profile = global.profile.clone().or_else(|| config.profile.clone().filter(|_| !ci));
        // App::FargateStack writes the profile of the day into both keys.
        let dns = config.route53.profile.clone().filter(|dns| !ci || Some(dns) != config.profile.as_ref());
        Options {
            profile,
            only_profile: global.profile.is_some(),
            region: self.region(config),
            dns_profile: global.route53_profile.clone().or(dns),
            dns_role: config.route53.role_arn.clone(),
        }
    }

    /// Sets up the connection for a stack file, without a call to AWS.
    pub async fn connect(&self, loaded: &Loaded) -> Result<Connection, Error> {
        self.connection_of(&self.connection(&loaded.config)).await
    }

    /// Settings of the AWS connection where there is no stack file.
    pub fn options(&self) -> Options {
        let global = &self.cli.global;
        Options {
            profile: global.profile.clone(),
            only_profile: global.profile.is_some(),
            region: global.region.clone().or_else(|| self.env.get("FARGATE_STACK_REGION").map(str::to_owned)),
            ..Options::default()
        }
    }

    /// Sets up a connection, without a call to AWS.
    pub async fn connection_of(&self, options: &Options) -> Result<Connection, Error> {
        let endpoint = "AWS_ENDPOINT_URL";
        if self.env.is_empty(endpoint) {
            // The SDK takes it for an address, and panics.
            let error = Error::new(ExitStatus::Usage, format!("{endpoint} is set to nothing"));
            return Err(error.hint("remove it from the environment, or set it to the address of an endpoint"));
        }
        Connection::load(options).await.map_err(|error| failure::connect(&error))
    }

    /// Loads the stack file and finds out which account this is.
    pub async fn session(&self) -> Result<Session, Error> {
        let loaded = self.load()?;
        let connection = self.connect(&loaded).await?;
        Session::new(self, loaded, connection).await
    }
}

impl Session {
    /// Finds out which account this is; another one than the stack file names is refused.
    pub async fn new(app: &App, loaded: Loaded, connection: Connection) -> Result<Self, Error> {
        let aws = connection.identify().await.map_err(|error| failure::connect(&error))?;
        Self::with(app, loaded, aws)
    }

    /// The session of an account that is known; another one than the stack file names is refused.
    pub fn with(app: &App, loaded: Loaded, mut aws: Aws) -> Result<Self, Error> {
        let registries = app.registries()?;
        lookup::same_account(&aws, &loaded.config)
            .map_err(|problem| failure::lookup(&problem.into(), &loaded))?;
        let console = app.console.clone();
        let tell = Tell::new(move |line| console.note(line));
        aws.tell = tell.clone();
        let (names, registry) = (Names::new(&loaded.config), kinds::registry(&aws));
        Ok(Self { loaded, aws, names, registry, provenance: app.provenance(), registries, tell })
    }

    /// The address of the run of a workflow that this is.
    pub fn run(&self) -> Option<&str> {
        self.provenance.run.as_deref()
    }

    /// Lookups for something that carries out no plan: what runs is kept.
    pub fn wish(&self) -> Wish {
        Wish { registries: self.registries.clone(), tell: self.tell.clone(), ..Wish::default() }
    }

    /// What apply would do. Reads only.
    pub async fn plan(&self, selection: &Selection) -> Result<Planned, Error> {
        self.plan_within(selection, None).await
    }

    /// What apply would do to a part of the stack, such as `release` for a release. Reads only.
    pub async fn plan_part(
        &self,
        selection: &Selection,
        called: &str,
        addresses: BTreeSet<Address>,
    ) -> Result<Planned, Error> {
        self.plan_within(selection, Some(Scope { addresses, called: called.to_owned() })).await
    }

    async fn plan_within(&self, selection: &Selection, scope: Option<Scope>) -> Result<Planned, Error> {
        let mut config = self.loaded.config.clone();
        if selection.create_alb {
            config.alb.create = Some(true);
        }
        let config = &config;
        let carried_out = selection.demand != Demand::Told;
        let wish = Wish {
            image_tag: selection.image_tag.clone(),
            wait_image: selection.wait_image,
            demand: selection.demand,
            only: scope.as_ref().map(|scope| {
                let tasks = scope.addresses.iter().filter(|one| one.kind() == "task_definition");
                tasks.map(|one| one.name().to_owned()).collect()
            }),
            refresh: selection.refresh.iter().cloned().collect(),
            registries: self.registries.clone(),
            // The plan of a pull request is the same in every run.
            provenance: if carried_out { self.provenance.clone() } else { Provenance::default() },
            tell: self.tell.clone(),
        };
        let inventory = self.inventory();
        let (facts, owned) = tokio::join!(
            lookup::facts(&self.aws, config, &self.names, &wish, &inventory),
            self.owned(&inventory)
        );
        let facts = facts.map_err(|error| failure::lookup(&error, &self.loaded))?;
        let owned = owned.map_err(|error| failure::call(&error))?;
        let resolved = facts.resolved.clone();
        let stack = Stack::new(config, facts);
        let wanted = kinds::wanted(&stack).map_err(|error| failure::call(&error))?;
        let of_plan = |task: &&StackTask| {
            let definition = self.names.address("task_definition", &task.key);
            scope.as_ref().is_none_or(|scope| scope.addresses.contains(&definition))
        };
        let images = stack.tasks.values().filter(of_plan).map(|task| task.image.image.clone()).collect();
        let endpoints = stack::endpoints(config, &stack);
        let endpoints = endpoints
            .into_iter()
            .filter(|one| stack.tasks.get(&one.task).as_ref().is_some_and(of_plan))
            .collect();
        let allow_delete = selection.allow_delete.iter().cloned().collect();
        let request = Request {
            wanted,
            owned,
            allow_delete,
            images,
            endpoints,
            scope,
            warnings: stack.warnings,
            ..self.request()
        };
        Ok(Planned { plan: self.decide(request).await?, resolved })
    }

    /// What destroy would do. Needs no look-up of network, images or secrets.
    pub async fn plan_destruction(&self, allow_delete: &[Address]) -> Result<Plan, Error> {
        let owned = self.owned(&self.inventory()).await.map_err(|error| failure::call(&error))?;
        let allow_delete: BTreeSet<Address> = allow_delete.iter().cloned().collect();
        self.decide(Request { owned, allow_delete, destroy: true, ..self.request() }).await
    }

    fn request(&self) -> Request {
        Request {
            stack: self.names.stack.clone(),
            account: self.aws.account.clone(),
            region: self.aws.region.clone(),
            ..Request::default()
        }
    }

    async fn decide(&self, request: Request) -> Result<Plan, Error> {
        for address in &request.allow_delete {
            if self.registry.get(address.kind()).is_none() {
                let kinds: Vec<&str> = self.registry.iter().map(|driver| driver.kind()).collect();
                let message = format!("`--allow-delete {address}` names no kind of resource");
                let hint = format!("the kinds are {}", kinds.join(", "));
                return Err(Error::new(ExitStatus::Usage, message).hint(hint));
            }
        }
        engine::plan(&self.registry, request).await.map_err(|error| failure::plan(&error))
    }

    /// What carries the stack's tags.
    pub fn inventory(&self) -> Inventory<'_> {
        Inventory::new(&self.aws, STACK, &self.names.stack)
    }

    /// Where everything that may be ours is.
    async fn owned(&self, inventory: &Inventory<'_>) -> Result<Vec<Locator>, CallError> {
        kinds::owned(&self.aws, &self.names, inventory.all().await?).await
    }
}
