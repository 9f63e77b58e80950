"""The self-test: our own page signs as any site would, and has the daemon verify what came of it.

Nothing here lets the page pass a guard: it connects by its origin, asks for the same grants, and
the person is asked for the PIN; it takes its grants back when it is done.
"""

from __future__ import annotations

import hashlib
from typing import Annotated

import msgspec
from aiohttp import web
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from bridged.cards.key import Input
from bridged.model import Algorithm
from bridged.server.pages import Page
from bridged.server.sites import told_by_page
from bridged.signing import algorithms

_PAGE = Page(
    "self-test",
    styles=("status", "self-test"),
    parts=("self-test-socket", "self-test-verify"),
    text_only=True,
)

TEXTS: dict[str, tuple[str, str]] = {
    "title": ("ICカードの動作確認", "Try your card"),
    "lead": (
        "ICカードでテスト用の文に署名し、正しいかどうかを検証します。すべてこのパソコンの中で行われ、"
        "どこにも送信されません。",
        "Signs a test text with your card and verifies the signature. All of it happens on this "
        "computer; nothing is sent anywhere.",
    ),
    "as_a_site": (
        "ポータルと同じ手順で、最初に許可を、次にPIN番号を確認します。サイト名は次のとおり表示されます: ",
        "As for any portal you are asked for permission first, then for the PIN. The site is shown as: ",
    ),
    "back": ("bridged の状態", "bridged status"),
    "step_connect": ("bridged への接続", "Connect to bridged"),
    "step_allow": ("使用の許可", "Permission"),
    "step_certificate": ("署名用の証明書", "The certificate for signatures"),
    "step_sign": ("PIN番号の入力と署名", "PIN and signature"),
    "step_verify": ("署名の検証", "Verification"),
    "start": ("動作確認を始める", "Begin"),
    "again": ("もう一度", "Once more"),
    "choose": ("どの証明書で署名しますか", "Which certificate shall sign?"),
    "use": ("この証明書で署名", "Sign with it"),
    "next": ("続ける", "Go on"),
    "next_hint": (
        "「続ける」を押すと、次の確認画面が開きます。",
        "The next question opens in a window when you go on.",
    ),
    "asked": (
        "確認画面を表示しています。表示された画面で操作してください。",
        "You are being asked in another window: answer there.",
    ),
    "asked_keypad": (
        "ICカードリーダーのキーで操作してください。",
        "Answer on the keypad of the card reader.",
    ),
    "working": ("処理しています…", "Working…"),
    "done": ("署名し、正しいことを確かめました。", "Signed, and the signature is right."),
    "picture": ("検証済みの署名", "A verified signature"),
    "holder": ("名義", "Holder"),
    "issuer": ("発行者", "Issuer"),
    "valid": ("有効期間", "Valid"),
    "algorithm": ("署名アルゴリズム", "Algorithm"),
    "at": ("署名した日時", "Signed at"),
    "took": ("所要時間（PIN入力を含む）", "Time, PIN entry included"),
    "text": ("署名した文", "Text"),
    "signature": ("署名値", "Signature"),
    "by_page": ("ブラウザーでの検証", "Verified by the browser"),
    "by_daemon": ("bridged での検証", "Verified by bridged"),
    "right": ("正しい", "right"),
    "wrong": ("正しくない", "wrong"),
    "unable": ("このブラウザーでは検証できません", "this browser cannot"),
    "none_here": (
        "署名用の証明書が見つかりません。署名用のICカードを挿入して、もう一度お試しください。",
        "There is no certificate for signatures. Insert the card for signing and try again.",
    ),
    "no_connection": (
        "bridged に接続できません。「bridged の状態」の診断を確かめ、この画面を再読み込みしてください。",
        "bridged cannot be reached. See the checks on its status page, then reload this page.",
    ),
    "turned_away": (
        "このサイト名は使用を許可されていません。「bridged の状態」でこのサイトの拒否を取り消してください。"
        "管理者が許可したサイトだけに限っている場合は、管理者に依頼してください。",
        "This site may not connect. Take its refusal back on the status page; where the "
        "administrator allows certain sites only, ask the administrator.",
    ),
    "bad_signature": (
        "署名が正しくありません。ICカードの発行元にお問い合わせください。",
        "The signature is wrong. Ask the issuer of the card.",
    ),
    "popup": (
        "確認画面を開けませんでした。このアドレスのポップアップを許可して、もう一度お試しください。",
        "The window could not open. Allow pop-ups for this address and try again.",
    ),
    "for_signing": ("bridged の動作確認", "Self-test of bridged"),
    "scripts": ("JavaScript を有効にしてください。", "Please allow JavaScript."),
}


SIGNING_KEYS = (rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey)


class _Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signature over a text, and the key that shall have made it (SubjectPublicKeyInfo)."""

    key: Annotated[bytes, msgspec.Meta(max_length=1200)]
    algorithm: Algorithm
    text: Annotated[str, msgspec.Meta(max_length=200)]
    signature: Annotated[bytes, msgspec.Meta(max_length=1200)]


async def page(request: web.Request) -> web.Response:
    """Return the page, in the language that the browser asks for."""
    return _PAGE.answer(request, TEXTS, {})


async def verify(request: web.Request) -> web.Response:
    """Tell our page whether a signature is right: a second opinion beside the browser's own."""
    return web.json_response({"right": _is_right(await told_by_page(request, _Signed))})


def _is_right(signed: _Signed) -> bool:
    text = signed.text.encode()
    try:
        public = load_der_public_key(signed.key)
    except (ValueError, UnsupportedAlgorithm):
        return False
    if not isinstance(public, SIGNING_KEYS) or signed.algorithm not in algorithms.supported(
        public, frozenset(Input)
    ):
        return False
    message = signed.algorithm is Algorithm.EdDSA
    digest = text if message else hashlib.new(algorithms.hash_name(signed.algorithm), text).digest()
    return algorithms.verifies(public, signed.algorithm, digest, signed.signature)
