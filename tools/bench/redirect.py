"""The redirect function itself: CPU time of a warm request and AWS calls, beside bare handlers."""

import logging
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from tools.bench import aws_stub
from tools.bench.proxy_events import visit
from tools.bench.rounds import Samples, Subject, cpu_us, middle, ratio
from tools.bench.tables import Table, out_argument, write

Handler = Callable[[Any, Any], Any]

BUDGET_US = 60
_BARE, _SDK = "bare Chalice view, 302", "bare boto3 handler, one GetItem, 302"
_WARM, _UNSEEN = "redirect, warm", "redirect, code not seen yet"
_PREVIEW = "redirect, warm, link-preview agent"


def main() -> None:
    parser = out_argument(__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    aws_stub.install()
    logging.getLogger("referrals.clicks").addHandler(logging.NullHandler())
    calls = _calls_table()  # first: a process is new only once
    write(options.out, [_time_table(cpu_us(_subjects(), rounds=options.rounds)), calls])


def _subjects() -> dict[str, Subject]:
    from functions.link_redirect.app import app
    from referrals.store import links

    preview = visit()
    preview["headers"]["user-agent"] = preview["multiValueHeaders"]["user-agent"][0] = (
        "WhatsApp/2.23.20.0"
    )

    def unseen() -> None:
        links.forget_cached()
        app(visited, None)

    visited = visit()
    return {
        _BARE: partial(_bare_view(), visited, None),
        _SDK: partial(_bare_sdk_handler(), visited, None),
        _WARM: partial(app, visited, None),
        _PREVIEW: partial(app, preview, None),
        _UNSEEN: unseen,
    }


def _bare_view() -> Handler:
    from chalice import Chalice, Response

    app = Chalice("bare", configure_logs=False)

    def follow(code: str) -> Response:
        headers = {"Location": f"https://shop.example/welcome?via={code}"}
        return Response(body="", status_code=HTTPStatus.FOUND.value, headers=headers)

    app.route("/{code}", methods=["GET"])(follow)
    handler: Handler = app
    return handler


def _bare_sdk_handler() -> Handler:
    import boto3

    dynamodb: Any = boto3.client("dynamodb")

    def handler(event: Any, _context: Any) -> Any:
        code = event["pathParameters"]["code"]
        link = dynamodb.get_item(TableName="bench-links", Key={"code": {"S": code}})["Item"]
        location = f"https://shop.example/welcome?via={link['code']['S']}"
        return {"statusCode": HTTPStatus.FOUND.value, "headers": {"Location": location}}

    return handler


def _time_table(samples: Samples) -> Table:
    own_us = middle(samples[_WARM]) - middle(samples[_BARE])
    rows = {
        name: {
            "CPU": middle(of),
            "to bare Chalice": ratio(of, samples[_BARE]),
            "to one GetItem": ratio(of, samples[_SDK]),
        }
        for name, of in samples.items()
    }
    own = [one - other for one, other in zip(samples[_WARM], samples[_BARE], strict=True)]
    rows["of the warm redirect, our own"] = {
        "CPU": own_us,
        "to bare Chalice": ratio(own, samples[_BARE]),
        "to one GetItem": ratio(own, samples[_SDK]),
    }
    return Table(
        key="redirect_cpu",
        title="Redirect: CPU time of one request (SDK's HTTP layer stubbed)",
        units={"CPU": "us", "to bare Chalice": "ratio", "to one GetItem": "ratio"},
        rows=rows,
        notes=(
            f"budget: {BUDGET_US} us of our own where a GetItem takes 260 to 300, a fifth of it",
            "a busy machine stretches all of them alike: the ratios tell more",
        ),
    )


def _calls_table() -> Table:
    from functions.link_redirect.app import app
    from referrals.store import links

    rows: dict[str, dict[str, int]] = {}
    event = visit()
    rows["first request of a new process"] = _calls_of(lambda: app(event, None))
    links.forget_cached()
    rows["code not seen yet"] = _calls_of(lambda: app(event, None))
    rows["warm"] = _calls_of(lambda: app(event, None))
    return Table(
        key="redirect_calls",
        title="Redirect: AWS calls of one request, counted",
        units={"DynamoDB reads": "calls", "DynamoDB writes": "calls", "other": "calls"},
        rows=rows,
        notes=("other: the signing key from Secrets Manager, kept for ten minutes",),
    )


def _calls_of(request: Callable[[], Any]) -> dict[str, int]:
    from tools.bench.meter import metered

    with metered() as spent:
        answer = request()
    if answer["statusCode"] != HTTPStatus.FOUND:
        raise RuntimeError(f"the redirect answered {answer}")
    return {
        "DynamoDB reads": spent.reads,
        "DynamoDB writes": spent.writes,
        "other": len(spent.others),
    }


if __name__ == "__main__":
    main()
