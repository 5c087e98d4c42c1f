"""Lets sandboxes reach the hosts that the user allowed, and nothing else."""

from gastown_desktop.adapters.allow_list_proxy.network_log import NetworkLog
from gastown_desktop.adapters.allow_list_proxy.proxy import AllowListProxy, ProxyLimits

__all__ = ["AllowListProxy", "NetworkLog", "ProxyLimits"]
