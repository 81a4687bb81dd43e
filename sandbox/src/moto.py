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
from moto.ec2.models import EC2Backend  # noqa: E402
from moto.ecr.models import Image  # noqa: E402
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

# moto asks its own ECS, which is empty: whether a service exists is checked before a call comes here.
ApplicationAutoscalingBackend._ecs_service_exists_for_target = lambda _self, _resource: True


# An image that lost its last tag is put back, for moto deletes it: it was pushed when it was pushed first.
pushed = {}
make_image = Image.__init__


def pushed_once(image, account, tag, manifest, repository, *args, **named):
    make_image(image, account, tag, manifest, repository, *args, **named)
    image.image_pushed_at = pushed.setdefault((account, repository, manifest), image.image_pushed_at)


Image.__init__ = pushed_once


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
