"""`bridged call`: one request of the protocol to the daemon of this user, from the shell."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack

import msgspec

from bridged.cli.daemon import add_connection, connect
from bridged.cli.language import say
from bridged.cli.output import add_json, print_json
from bridged.errors import InvalidParams, MethodNotFound, PinAsArgument
from bridged.protocol import codec
from bridged.protocol.messages import METHODS, Params, PinParams, Secret

EXAMPLES = (
    """\
例:
  bridged call reader.list
  bridged call certificate.list '{"usage": "signature"}'
  bridged call pin.verify - < params.json
リースは接続が終わると失効し、ここではすぐに終わります。署名にはPythonのクライアント \
bridged.client をお使いください。
""",
    """\
examples:
  bridged call reader.list
  bridged call certificate.list '{"usage": "signature"}'
  bridged call pin.verify - < params.json
A lease ends with its connection, here at once: sign with the Python client, bridged.client.
""",
)

SECRETS = {
    field.encode_name
    for kind in PinParams.__subclasses__()
    for field in msgspec.structs.fields(kind)
    if field.type == Secret | None
}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "call",
        help=say("動作中のbridgedに要求を1つ送る", "send one request to the daemon that runs"),
        epilog=say(*EXAMPLES),
    )
    parser.add_argument(
        "method",
        metavar="METHOD",
        help=say("docs/protocol.md にあるメソッド", "a method of docs/protocol.md"),
    )
    parser.add_argument(
        "params",
        metavar="JSON",
        nargs="?",
        default="{}",
        help=say(
            "そのパラメーター。- なら標準入力から読む（PINを渡す方法はこれだけ）",
            "its parameters; - reads them from standard input, the only way for a PIN",
        ),
    )
    add_connection(parser)
    add_json(
        parser,
        "エラーもJSONで出力する（結果は常にJSON）",
        "print an error as its JSON object; a result is JSON anyway",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the result, or raise."""
    print_json(_request(args))
    return 0


def _request(args: argparse.Namespace) -> msgspec.Raw:
    method = METHODS.get(args.method)
    if method is None:
        raise MethodNotFound(method=args.method[:100])
    if args.params == "-":
        params = read_params(sys.stdin.buffer.read(), method.params)
    else:
        text = os.fsencode(args.params)
        refuse_pin(text)
        params = read_params(text, method.params)
    with ExitStack() as stack:
        bridge = connect(stack, args)
        return bridge.call(args.method, params, msgspec.Raw)


def refuse_pin(text: bytes) -> None:
    """Raise `PinAsArgument` for parameters with a PIN or PUK among them."""
    try:
        members = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return
    if members.keys() & SECRETS:
        raise PinAsArgument


def read_params(text: bytes, kind: type[Params]) -> Params:
    """Read parameters as the daemon would; raises `InvalidParams`, which never repeats a PIN."""
    try:
        return codec.decode_params(msgspec.Raw(text), kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InvalidParams(path="params", detail=str(error)[:200]) from None
