//! What web services find in an account: load balancers, listeners, rules, certificates and zones; and what is said when it is not
//! there, or there twice.

use super::harness::World;

const WORKER: &str = "app: {name: shop}\ntasks:\n  run: {type: daemon, image: 'helloworld:latest'}\n";

#[test]
fn a_stack_without_web_services_asks_for_nothing_of_them() {
    let world = World::with(WORKER);
    world.run(&["plan"]).expect(0);
    let services: Vec<String> =
        world.calls().iter().map(|call| call["service"].as_str().unwrap().to_owned()).collect();
    for service in ["elasticloadbalancing", "acm", "route53"] {
        assert!(!services.iter().any(|called| called == service), "{services:?}");
    }
}
