"""Paths that a plan may name: those of the repository, and those that its beads make."""

from __future__ import annotations

from collections.abc import Iterable


def folders_of(paths: Iterable[str]) -> frozenset[str]:
    """All folders that these paths are in, at any depth."""
    folders: set[str] = set()
    for path in paths:
        end = path.rfind("/")
        while end > 0 and (folder := path[:end]) not in folders:
            folders.add(folder)
            end = folder.rfind("/")
    return frozenset(folders)


class KnownPaths:
    """Which paths are files and which are folders; asking costs the same in a large repository.

    Args:
        paths: tracked paths.
        folders: the folders that these are in.
        more: paths that are expected besides.
    """

    __slots__ = ("_folders", "_more", "_more_folders", "_paths")

    def __init__(self, paths: frozenset[str], folders: frozenset[str], more: Iterable[str]) -> None:
        self._paths = paths
        self._folders = folders
        self._more = frozenset(more)
        self._more_folders = folders_of(self._more)

    def is_file(self, path: str) -> bool:
        """Whether there is, or will be, a file of that name."""
        return path in self._paths or path in self._more

    def is_folder(self, path: str) -> bool:
        """Whether there is, or will be, a folder of that name."""
        return path in self._folders or path in self._more_folders
