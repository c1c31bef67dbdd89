"""`packcenter check`: every error of every file in one run."""

from __future__ import annotations

from pathlib import Path

import click

from packcenter.cli import output
from packcenter.cli.codes import CONFIGURATION, OK


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def check(paths: tuple[Path, ...], as_json: bool) -> int:
    """Check site files, sort plans, profiles and manifests (PATHS, or folders of them; else the reference hall).

    Reports every error of every file in one run, with file, line, column, key, what was seen and expected and the
    nearest valid name. Exit code 3 if there is any. A manifest is checked against the site given with it.
    """
    from packcenter.config.load import bundled_site, check_paths

    chosen = paths or (bundled_site(), bundled_site().parent / "plan.toml")
    files = [path for path in chosen if path.suffix != ".csv"]
    report = check_paths(files)
    manifests = {str(path): _manifest_errors(path, files) for path in chosen if path.suffix == ".csv"}
    faulty = bool(report.findings) or any(manifests.values())
    if as_json:
        output.print_json({"ok": not faulty, "files": report.files, "findings": report.findings, "manifests": manifests})
    else:
        if report.findings:
            click.echo(str(report))
        for name, errors in manifests.items():
            for error in errors:
                click.echo(f"{name}: {error}")
        count = len(report.findings) + sum(map(len, manifests.values()))
        names = len(report.files) + len(manifests)
        click.echo(f"{names} files, {count} errors" if count else f"{names} files, no errors")
    return CONFIGURATION if faulty else OK


def _manifest_errors(path: Path, files: list[Path]) -> list[str]:
    """What a manifest is refused for, by the first sound site among `files`, else the reference hall."""
    from packcenter.cli.manifest import read
    from packcenter.config.errors import ConfigError
    from packcenter.config.load import bundled_site, load_site
    from packcenter.config.manifest import ManifestRefused

    found = None
    for candidate in [*(file for file in files if file.is_file()), bundled_site()]:
        try:
            found = load_site(candidate)
            break
        except ConfigError:
            continue
    assert found is not None
    try:
        return [str(refusal) for refusal in read(path, found).refusals]
    except ManifestRefused as refused:
        return [f"refused whole: {finding}" for finding in refused.findings]
