//! A local AWS and GitHub that behave: the instrument of the demo and of every test of `fargate-stack`.
//!
//! ECS is modelled here (`ecs`), every other AWS service is forwarded to a moto server that the sandbox starts
//! and ends itself, GitHub is a stub of our own (`github`). Everything is recorded and can be made to fail.

pub mod ecs;
pub mod github;
pub mod http;
