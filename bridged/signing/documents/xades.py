"""XAdES baseline signatures (ETSI EN 319 132-1): in an XML document, or beside any document."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree
from signxml.algorithms import (
    CanonicalizationMethod,
    DigestAlgorithm,
    SignatureConstructionMethod,
    SignatureMethod,
)
from signxml.util import namespaces
from signxml.xades.xades import XAdESDataObjectFormat, XAdESSigner

from bridged.errors import DocumentMalformed
from bridged.model import Algorithm, DocumentFormat, SignatureLevel
from bridged.signing.algorithms import der_ecdsa, hash_name, is_ecdsa
from bridged.signing.documents.job import Job, Outside

MAX_ELEMENTS = 100_000
EXCLUSIVE = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
_METHODS = {
    Algorithm.RS256: SignatureMethod.RSA_SHA256,
    Algorithm.RS384: SignatureMethod.RSA_SHA384,
    Algorithm.RS512: SignatureMethod.RSA_SHA512,
    Algorithm.ES256: SignatureMethod.ECDSA_SHA256,
    Algorithm.ES384: SignatureMethod.ECDSA_SHA384,
    Algorithm.ES512: SignatureMethod.ECDSA_SHA512,
}


def sign(job: Job, outside: Outside) -> bytes:
    """Return the XML document with the signature as its root's last child, or the signature alone.

    Detached, the document may be of any kind; its bytes are signed as they are.
    Raises `DocumentMalformed`.
    """
    root = _detached(job, outside) if job.detached else _enveloped(job, outside)
    if job.level is SignatureLevel.B_T:
        _add_timestamp(root, job, outside)
    return bytes(etree.tostring(root.getroottree(), xml_declaration=True, encoding="UTF-8"))


def parse(content: bytes) -> etree._Element:
    """Read an XML document from a page: no DOCTYPE, no entities, no network, not too deep."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise DocumentMalformed(format=DocumentFormat.XADES, detail=str(error)[:200]) from None
    if root.getroottree().docinfo.doctype:
        raise DocumentMalformed(format=DocumentFormat.XADES, detail="it has a DOCTYPE")
    if sum(1 for _ in root.iter()) > MAX_ELEMENTS:
        raise DocumentMalformed(format=DocumentFormat.XADES, detail="it has too many elements")
    return root


class _Signer(XAdESSigner):
    """The library's, for whole documents: their prolog and their Japanese element names."""

    def _tostring(self, xml_node: etree._Element, **kwargs: Any) -> bytes:
        return bytes(etree.tostring(xml_node.getroottree(), encoding="UTF-8", **kwargs))

    def _unpack(self, data: etree._Element, references: Any) -> tuple[Any, ...]:
        signature, root, inputs, references = super()._unpack(data, references)
        return signature, root, inputs, [replace(each, URI="") for each in references]

    def _c14n(self, nodes: Any, *args: Any, **kwargs: Any) -> bytes:
        whole = not isinstance(nodes, list) and nodes.getparent() is None
        return bytes(super()._c14n(nodes.getroottree() if whole else nodes, *args, **kwargs))

    def _add_reference_to_signed_info(
        self, sig_root: etree._Element, node_to_reference: etree._Element, **attrs: str
    ) -> None:
        """Canonicalise by name: what is implied takes in `xml:lang` from around the signature."""
        super()._add_reference_to_signed_info(sig_root, node_to_reference, **attrs)  # type: ignore[no-untyped-call]
        transforms = etree.Element(f"{{{namespaces.ds}}}Transforms")
        etree.SubElement(transforms, f"{{{namespaces.ds}}}Transform", Algorithm=EXCLUSIVE.value)
        sig_root.find("ds:SignedInfo", namespaces)[-1].insert(0, transforms)

    def add_data_object_format(
        self, signed_data_object_properties: etree._Element, *args: Any, **kwargs: Any
    ) -> None:
        """Leave out the description, which says nothing."""
        super().add_data_object_format(signed_data_object_properties, *args, **kwargs)
        data_object_format = signed_data_object_properties[-1]
        data_object_format.remove(data_object_format.find("xades:Description", namespaces))


class _CardKey:
    """What the library takes for a private key: it signs with the card."""

    def __init__(self, job: Job, outside: Outside) -> None:
        public = x509.load_der_x509_certificate(job.certificate).public_key()
        assert isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
        self.key_size = public.key_size
        self._algorithm = job.algorithm
        self._outside = outside

    def sign(self, data: bytes, **_: object) -> bytes:
        digest = hashlib.new(hash_name(self._algorithm), data).digest()
        signature = self._outside.sign(digest)
        # The library turns this into r||s again.
        return der_ecdsa(signature) if is_ecdsa(self._algorithm) else signature


def _enveloped(job: Job, outside: Outside) -> etree._Element:
    root = parse(job.content)
    if root.xpath(
        "//ds:Signature[@Id='placeholder' or .//ds:Reference/@URI='']", namespaces=namespaces
    ):
        detail = "another signature inside would break the one it has: sign it detached"
        raise DocumentMalformed(format=DocumentFormat.XADES, detail=detail)
    signer = _signer(job, SignatureConstructionMethod.enveloped, "application/xml")
    return signer.sign(root, **_keys(job, outside))


def _detached(job: Job, outside: Outside) -> etree._Element:
    signer = _signer(job, SignatureConstructionMethod.detached, "application/octet-stream")

    def refer(signature: etree._Element, **_: object) -> None:
        """Let the first reference be to the document's bytes, rather than to an element."""
        reference = signature.find("ds:SignedInfo/ds:Reference", namespaces)
        reference.remove(reference.find("ds:Transforms", namespaces))
        reference.set("URI", quote(job.file_name or "document", safe=""))
        digest = hashlib.new(hash_name(job.algorithm), job.content).digest()
        reference.find("ds:DigestValue", namespaces).text = _b64(digest)

    signer.signature_annotators.insert(0, refer)
    return signer.sign(etree.Element("document"), **_keys(job, outside))


def _signer(job: Job, method: SignatureConstructionMethod, mime_type: str) -> _Signer:
    return _Signer(
        method=method,
        signature_algorithm=_METHODS[job.algorithm],
        digest_algorithm=DigestAlgorithm.from_fragment(hash_name(job.algorithm)),
        c14n_algorithm=EXCLUSIVE,
        data_object_format=XAdESDataObjectFormat("", mime_type),
    )


def _keys(job: Job, outside: Outside) -> dict[str, Any]:
    certificates = [x509.load_der_x509_certificate(c) for c in (job.certificate, *job.chain)]
    key = _CardKey(job, outside)
    return {"key": key, "cert": certificates, "always_add_key_value": False}


def _add_timestamp(root: etree._Element, job: Job, outside: Outside) -> None:
    """Stamp the signature's value (EN 319 132-1, section 5.3)."""
    # Takes half a second to load.
    from bridged.signing.documents.timestamps import timestamp  # noqa: PLC0415

    signature = root if job.detached else root[-1]
    value = signature.find("ds:SignatureValue", namespaces)
    token = timestamp(etree.tostring(value, method="c14n", exclusive=True), outside, job.tsa_roots)
    properties = signature.find("ds:Object/xades:QualifyingProperties", namespaces)
    unsigned = _sub(_sub(properties, "UnsignedProperties"), "UnsignedSignatureProperties")
    stamp = _sub(unsigned, "SignatureTimeStamp")
    etree.SubElement(stamp, f"{{{namespaces.ds}}}CanonicalizationMethod", Algorithm=EXCLUSIVE.value)
    _sub(stamp, "EncapsulatedTimeStamp").text = _b64(token)


def _sub(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{namespaces.xades}}}{name}")


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
