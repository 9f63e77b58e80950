"""All the tables: who brings them up to date needs every one, wherever it is described."""

from __future__ import annotations

from portal_demo.mail import models as _mail  # noqa: F401 - adds its tables
from portal_demo.models import Base
from portal_demo.office import models as _office  # noqa: F401 - adds its tables
from portal_demo.register_csv import models as _register_csv  # noqa: F401 - adds its tables

METADATA = Base.metadata
