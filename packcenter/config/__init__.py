"""
Configuration: site, sort plan and PLC profiles, checked whole before anything of them is used.

    configuration = load_site("site.toml")     # Configuration, or ConfigError with every fault of every file
    report = check_paths(["site.toml"])        # the same faults as a Report; never raises for what a file holds
"""

from __future__ import annotations

from packcenter.config.build import Configuration, PlcSettings, SecuritySettings, SiteSettings, hall_digest, profile_digest
from packcenter.config.errors import ConfigError, Finding, Report
from packcenter.config.load import bundled_site, check_paths, load_site, profile_folder
from packcenter.config.models import schema

__all__ = [
    "ConfigError",
    "Configuration",
    "Finding",
    "PlcSettings",
    "Report",
    "SecuritySettings",
    "SiteSettings",
    "bundled_site",
    "check_paths",
    "hall_digest",
    "load_site",
    "profile_digest",
    "profile_folder",
    "schema",
]
