"""The card as a signer of CMS structures, for CAdES and PAdES."""

from __future__ import annotations

import hashlib

from asn1crypto import x509
from pyhanko.sign.signers import Signer
from pyhanko_certvalidator.registry import SimpleCertificateStore

from bridged.model import SignatureLevel
from bridged.signing.algorithms import der_ecdsa, hash_name, is_ecdsa
from bridged.signing.documents.job import Job, Outside
from bridged.signing.documents.timestamps import CheckedTimeStamper


class CardSigner(Signer):
    """Signs with the card, which sees a digest and nothing else."""

    def __init__(self, job: Job, outside: Outside) -> None:
        certificate = x509.Certificate.load(job.certificate)
        chain = SimpleCertificateStore()
        chain.register_multiple(x509.Certificate.load(each) for each in job.chain)
        super().__init__(signing_cert=certificate, cert_registry=chain)
        self._algorithm = job.algorithm
        self._outside = outside

    async def async_sign_raw(
        self,
        data: bytes,
        digest_algorithm: str,
        dry_run: bool = False,  # noqa: FBT001, FBT002
    ) -> bytes:
        """Return the signature of data, ECDSA in DER."""
        if dry_run:
            raise NotImplementedError("the size of a signature is known beforehand")
        signature = self._outside.sign(hashlib.new(digest_algorithm, data).digest())
        return der_ecdsa(signature) if is_ecdsa(self._algorithm) else signature


def timestamper(job: Job, outside: Outside) -> CheckedTimeStamper | None:
    """Return who stamps the signature, or None where nobody shall."""
    if job.level is SignatureLevel.B_B:
        return None
    return CheckedTimeStamper(outside, job.tsa_roots)


def digest_algorithm(job: Job) -> str:
    """Return the name of the hash, as CMS libraries have it."""
    return hash_name(job.algorithm)
