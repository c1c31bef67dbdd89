"""Screens and alerts as data, and what builds Grafana's and Prometheus' files from them. Not needed to run packcenter."""

import warnings

# The SDK would rather have dashboards of schema v2; the classic ones load in Grafana 10 to 13.
warnings.filterwarnings("ignore", message="Prefer using dashboardv2", category=DeprecationWarning)
