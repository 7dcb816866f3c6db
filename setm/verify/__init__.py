"""Is a deployment what it claims to be: this source, these roles and settings, books that balance? ``setm verify``."""

from setm.verify.deployment import Deployed, read_deployment
from setm.verify.outcome import Check
from setm.verify.run import verify

__all__ = ["Check", "Deployed", "read_deployment", "verify"]
