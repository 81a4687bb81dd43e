"""Runs moto for the sandbox: on a free loopback port, for as long as stdin stays open."""

import os
import sys
import threading
from urllib.parse import parse_qs


def end_with_parent():
    while os.read(0, 4096):
        pass
    os._exit(0)


threading.Thread(target=end_with_parent, daemon=True).start()

from werkzeug.serving import make_server  # noqa: E402

from moto.applicationautoscaling.models import ApplicationAutoscalingBackend  # noqa: E402
from moto.core.base_backend import BackendDict  # noqa: E402
from moto.ec2.exceptions import InvalidPermissionNotFoundError  # noqa: E402
from moto.ec2.models import EC2Backend  # noqa: E402
from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupRule  # noqa: E402
from moto.ec2.responses.security_groups import SecurityGroups  # noqa: E402
from moto.ecr.models import Image  # noqa: E402
from moto.iam.models import SERVICE_NAME_CONVERSION  # noqa: E402
from moto.moto_server.werkzeug_app import (  # noqa: E402
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)


class QuietHandler(MotoRequestHandler):
    def log(self, *_args, **_kwargs):
        pass


def without_default_vpc(backend, *args, **named):
    """Makes a region without the default VPC: stacks are to find exactly the networks that were seeded."""
    make_region(backend, *args, **named)
    for subnet in backend.describe_subnets():
        backend.delete_subnet(subnet.id)
    backend.delete_vpc(backend.default_vpc.id)


make_region = EC2Backend.__init__
EC2Backend.__init__ = without_default_vpc

# Names of service-linked roles as AWS spells them.
SERVICE_NAME_CONVERSION.update(ecs="ECS", elasticloadbalancing="ElasticLoadBalancing")

# moto asks its own ECS, which is empty: whether a service exists is checked before a call comes here.
ApplicationAutoscalingBackend._ecs_service_exists_for_target = lambda _self, _resource: True


# An image that lost its last tag is put back, for moto deletes it: it was pushed when it was pushed first.
pushed = {}
make_image = Image.__init__


def pushed_once(image, account, tag, manifest, repository, *args, **named):
    make_image(image, account, tag, manifest, repository, *args, **named)
    image.image_pushed_at = pushed.setdefault((account, repository, manifest), image.image_pushed_at)


Image.__init__ = pushed_once


# A rule of a security group is the same rule whatever its description says; every kind of source has a description.
make_rule = SecurityGroupRule.__init__
show_rules = SecurityGroup._flattened_rules


def rule_with_description(rule, *args, **named):
    make_rule(rule, *args, **named)
    prefix = named.get("prefix_list_id", args[7] if len(args) > 7 else None)
    rule.prefix = dict(prefix or {})


def rule_key(rule):
    ports = None if rule.ip_protocol == "-1" else (rule.from_port, rule.to_port)
    group = rule.source_group.get("GroupId")
    return rule.ip_protocol, ports, rule.cidr_ipv4, rule.cidr_ipv6, group, rule.prefix_list_id


def described(rule):
    return next((part for part in (rule.ip_range, rule.source_group, rule.prefix) if part), {})


def rules_with_descriptions(group, rules):
    views = show_rules(group, rules)
    for view in views:
        same = [r for r in rules if (r.from_port, r.to_port, r.ip_protocol) == (view.from_port, view.to_port, view.ip_protocol)]
        view.prefix_list_ids = [rule.prefix for rule in same if rule.prefix]
    return views


def all_or_nothing(change):
    """A call with several rules adds, removes or describes all of them or, when it is refused, none."""

    def changed(response):
        name = response._get_param("GroupName") or response._get_param("GroupId")
        group = response.ec2_backend.get_security_group_by_name_or_id(name)
        before = (list(group.ingress_rules), list(group.egress_rules)) if group else None
        try:
            return change(response)
        except Exception:
            if group:
                group.ingress_rules, group.egress_rules = before
            raise

    return changed


def known_rules_only(direction, update):
    def updated(backend, group_name_or_id, ip_protocol, from_port, to_port, ip_ranges, **named):
        group = backend.get_security_group_by_name_or_id(group_name_or_id)
        sources = (ip_ranges, named.get("source_groups") or [], named.get("prefix_list_ids") or [])
        wanted = backend._iterate_security_rules(ip_protocol, group_name_or_id, from_port, to_port, *sources)
        rules = getattr(group, direction) if group else []
        if group and any(rule not in rules for rule in wanted):
            raise InvalidPermissionNotFoundError()
        return update(backend, group_name_or_id, ip_protocol, from_port, to_port, ip_ranges, **named)

    return updated


def take_description(_backend, given, rule):
    description = described(given).get("Description")
    if description:
        described(rule)["Description"] = description
    else:
        described(rule).pop("Description", None)


SecurityGroupRule.__init__ = rule_with_description
SecurityGroupRule.__eq__ = lambda rule, other: rule_key(rule) == rule_key(other)
SecurityGroupRule.description = property(lambda rule: described(rule).get("Description"))
SecurityGroup._flattened_rules = rules_with_descriptions
EC2Backend._sg_update_description = take_description
for direction in ("ingress", "egress"):
    for verb in ("authorize", "revoke"):
        name = f"{verb}_security_group_{direction}"
        setattr(SecurityGroups, name, all_or_nothing(getattr(SecurityGroups, name)))
    name = f"update_security_group_rule_descriptions_{direction}"
    setattr(EC2Backend, name, known_rules_only(f"{direction}_rules", getattr(EC2Backend, name)))


def forget(account):
    """Drops what moto knows of one account; moto's own reset only knows all of them."""
    for backends in list(BackendDict._instances):
        if account in list(backends.keys()):
            backends[account].reset()
            backends.pop(account, None)
    for key in [key for key in list(pushed) if key[0] == account]:
        pushed.pop(key, None)


moto = DomainDispatcherApplication(create_backend_app)


def application(environ, start_response):
    if environ.get("PATH_INFO") == "/sandbox-api/forget":
        forget(parse_qs(environ.get("QUERY_STRING", ""))["account"][0])
        start_response("200 OK", [("content-type", "application/json")])
        return [b"{}"]
    return moto(environ, start_response)


server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=QuietHandler)
os.environ["MOTO_PORT"] = str(server.port)
sys.stdout.write(f"{server.port}\n")
sys.stdout.flush()
server.serve_forever()
