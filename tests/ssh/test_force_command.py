"""The recipe for those who keep OpenSSH in front, with a real sshd on loopback."""

from __future__ import annotations

import getpass
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.journeys.losing import lose_the_device
from tests.journeys.steps import is_restored, sign_in, wait_flat
from tests.ssh.processes import ENDS_S, QUIET, STARTS_S, wait
from tests.support.installed import Installation
from tests.support.ports import reserved_port
from tests.support.post import Post
from tests.support.pty_app import ROOT, PtyApp

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
pytestmark = [
    pytest.mark.pty,
    pytest.mark.slow,
    pytest.mark.skipif(SSHD is None, reason="there is no sshd here"),
]
ME = getpass.getuser()
PROGRAM = "/opt/tui-admin/bin/tui-admin"
SETTINGS = "/etc/tui-admin/tui-admin.toml"


def put_panel(folder: Path, program: str) -> Path:
    """Return a copy of `deploy/panel`, the program and the settings file being in `folder`."""
    text = (ROOT / "deploy/panel").read_text()
    for ours, here in ((PROGRAM, folder / "tui-admin"), (SETTINGS, folder / "named.toml")):
        assert text.count(ours) == 1
        text = text.replace(ours, str(here))
    (folder / "tui-admin").write_text(f"#!/bin/sh\n{program}\n")
    (folder / "named.toml").touch()
    (folder / "panel").write_text(text)
    for name in ("tui-admin", "panel"):
        (folder / name).chmod(0o755)
    return folder / "panel"


class Front:
    """sshd with the recipe, for whoever runs the tests in place of `panel`, let in by a key."""

    def __init__(self, folder: Path, port: int, env: dict[str, str]) -> None:
        self.folder = folder
        self.port = port
        for name in ("host", "me"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True
            )
        lines = [f"export {name}={shlex.quote(value)}" for name, value in env.items()]
        start = f'exec {sys.executable} -m tui_admin "$@"'
        panel = put_panel(folder, "\n".join([*lines, start]))
        recipe = (ROOT / "deploy/sshd_force_command.conf").read_text()
        for ours, here in (
            ("Match User panel", f"Match User {ME}"),
            ("/usr/local/lib/tui-admin/panel", str(panel)),
            ("AuthenticationMethods none", "AuthenticationMethods publickey"),
            ("PubkeyAuthentication no", "PubkeyAuthentication yes"),
        ):
            assert ours in recipe
            recipe = recipe.replace(ours, here)
        (folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\n"
            f"AuthorizedKeysFile {folder}/me.pub\nStrictModes no\nUsePAM no\n"
            f"PermitRootLogin yes\n{recipe}"
        )

    def start(self) -> subprocess.Popen[bytes]:
        assert SSHD is not None
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with (self.folder / "sshd.log").open("wb") as log:
            return subprocess.Popen(
                [SSHD, "-D", "-e", "-f", self.folder / "sshd_config"], stderr=log
            )

    def is_up(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def client(self, *arguments: str) -> list[str]:
        return [
            *("ssh", "-F", "none", "-p", str(self.port), "-i", str(self.folder / "me")),
            *("-o", f"UserKnownHostsFile={self.folder}/known_hosts", "-o", "LogLevel=ERROR"),
            *("-o", "StrictHostKeyChecking=accept-new", "-o", "IdentityAgent=none"),
            *arguments[:-1],
            f"{ME}@127.0.0.1",
            *arguments[-1:],
        ]


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Installation:
    made = Installation(tmp_path / "data", database_url)
    made.add("alice", otp=True)
    return made


@pytest.fixture
def front(tmp_path: Path, port: int, installation: Installation, post: Post) -> Iterator[Front]:
    folder = tmp_path / "front"
    folder.mkdir()
    env = {
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": QUIET,
        **installation.env,
        **post.env,
    }
    sshd = Front(folder, port, env)
    process = sshd.start()
    try:
        wait(lambda: sshd.is_up() or process.poll() is not None, STARTS_S, "sshd")
        assert process.poll() is None, (folder / "sshd.log").read_text()
        yield sshd
    finally:
        process.terminate()
        process.wait(ENDS_S)


def test_the_console_behind_sshd(front: Front, installation: Installation, post: Post) -> None:
    """The lost device on two connections: the console opens, the link's step too, where somebody
    sits is what sshd says of them, and the terminal is restored at the end."""
    with ExitStack() as stack:

        def terminal(*command: str) -> PtyApp:
            return stack.enter_context(PtyApp(front.client("-t", *command or ("",))))

        def follow(mail: str) -> PtyApp:
            assert "127.0.0.1" in mail, "who asked, and from where"
            return terminal(re.findall(r"tui-admin (recover \w+)", mail)[0])

        waiting = terminal()
        lose_the_device(waiting, follow, installation.people["alice"], post)
        waiting.press("ctrl+q")
        waiting.wait_for("Log out and leave?")
        waiting.press("tab", "enter")
        assert waiting.wait_ended() == 0
        is_restored(waiting)


@pytest.mark.parametrize("command", ["sh", "recover", "; sh", "recover x; id", "recover $(id)"])
def test_nothing_else_is_there(front: Front, command: str) -> None:
    """T13: other commands are refused, and what stands behind `recover` is no shell's."""
    done = subprocess.run(
        front.client("-T", command), check=False, capture_output=True, text=True, timeout=STARTS_S
    )
    assert done.returncode == 1
    assert "Only the console is here" in done.stderr or "needs a terminal" in done.stderr
    assert "uid=" not in done.stdout + done.stderr


def test_no_forwarding(front: Front) -> None:
    """T9: no port is forwarded, in either direction, though the console opens."""
    arguments = ("-t", "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:22", "")
    with PtyApp(front.client(*arguments)) as app:
        assert app.wait_ended() != 0
        assert "remote port forwarding failed" in app.text()


def test_one_persons_misses(front: Front, installation: Installation) -> None:
    """A wrong password behind sshd is refused in the terminal, as everywhere."""
    with PtyApp(front.client("-t", "")) as app:
        sign_in(app, "alice", "not my password")
        wait_flat(app, "The username or the password is not right.")


def test_only_the_account_needs_no_password(tmp_path: Path) -> None:
    """The `Match` block overrules a host that has switched passwords off, for `panel` alone; `none`
    is an empty password to sshd, and every other way in is closed."""
    assert SSHD is not None
    key, config = tmp_path / "host", tmp_path / "sshd_config"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    config.write_text(
        f"HostKey {key}\nPasswordAuthentication no\nAuthenticationMethods publickey\n"
        f"Include {ROOT}/deploy/sshd_force_command.conf\n"
    )

    def effective(user: str) -> list[str]:
        asked = [SSHD, "-T", "-f", str(config), "-C", f"user={user},host=here,addr=127.0.0.1"]
        done = subprocess.run(asked, check=True, capture_output=True, text=True)
        names = "(passwordauth|permitempty|pubkeyauthentication|kbdinter|authenticationmeth|force)"
        return sorted(line for line in done.stdout.splitlines() if re.match(names, line))

    assert effective("panel") == [
        "authenticationmethods none",
        "forcecommand /usr/local/lib/tui-admin/panel",
        "kbdinteractiveauthentication no",
        "passwordauthentication yes",
        "permitemptypasswords yes",
        "pubkeyauthentication no",
    ]
    assert {"passwordauthentication no", "permitemptypasswords no"} < set(effective("mallory"))


@pytest.fixture(params=["sh", "bash"])
def panel(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """`deploy/panel` before a program that says what it was given; `sh` is bash in many places."""
    made = put_panel(tmp_path, 'pwd; printf "<%s>" "$@"; echo; exec /usr/bin/env')
    if request.param == "bash":
        if (bash := shutil.which("bash")) is None:
            pytest.skip("there is no bash here")
        (tmp_path / "sh").symlink_to(bash)
        text = made.read_text()
        assert text.startswith("#!/bin/sh")
        made.write_text(text.replace("#!/bin/sh", f"#!{tmp_path}/sh", 1))
    return made


def test_nothing_of_the_caller_reaches_the_program(panel: Path) -> None:
    """T13: whoever calls the account's shell with an environment and a folder of their own gets the
    console with its own settings: no variable, PATH, settings file, module or function of theirs
    runs as `panel`, and the arguments of a shell change nothing."""
    theirs = panel.parent / "theirs"
    theirs.mkdir()
    for name in ("env", "tui-admin"):
        (theirs / name).write_text("#!/bin/sh\necho TAKEN\n")
        (theirs / name).chmod(0o755)
    (theirs / "tui-admin.toml").write_text('brand = "TAKEN"\n')
    (theirs / "rc").write_text("echo TAKEN\n")
    kept = {
        "TERM": "xterm",
        "COLORTERM": "truecolor",
        "SSH_CONNECTION": "203.0.113.9 1 127.0.0.1 2",
    }
    done = subprocess.run(
        [panel, "-c", "echo TAKEN"],
        cwd=theirs,
        env={
            "TUI_ADMIN": str(theirs / "tui-admin"),
            "TUI_ADMIN_CONFIG": str(theirs / "tui-admin.toml"),
            "TUI_ADMIN_DATA_DIR": str(theirs),
            "PYTHONPATH": str(theirs),
            "HOME": str(theirs),
            "PATH": f"{theirs}:/usr/bin:/bin",
            "ENV": str(theirs / "rc"),
            "BASH_ENV": str(theirs / "rc"),
            "BASH_FUNC_cd%%": "() { echo TAKEN; }",
            "SHELLOPTS": "xtrace",
            "PS4": "$(echo TAKEN >&2)",
            **kept,
        },
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    folder, arguments, *lines = done.stdout.splitlines()
    assert (folder, arguments) == ("/", "<>")
    seen = dict(line.split("=", 1) for line in lines)
    for shells_own in ("PWD", "OLDPWD", "SHLVL", "_"):
        seen.pop(shells_own, None)
    assert seen == kept | {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TUI_ADMIN_CONFIG": str(panel.parent / "named.toml"),
    }


def test_the_link_is_one_argument(panel: Path) -> None:
    """What stands behind `recover` is one word to the program, whatever is in it."""
    env = {"SSH_ORIGINAL_COMMAND": "recover a  b;id $(id)"}
    done = subprocess.run([panel], env=env, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[1] == "<recover><a  b;id $(id)>"


APART = ("unshare", "--mount", "--propagation", "private")
NAMESPACE = r"""
set -eu
for folder in /mnt /home /opt /run /usr/local/lib /var/log; do
    mount -t tmpfs -o mode=0755 ours $folder
done
cp -a /etc /mnt/etc
mount --bind /mnt/etc /etc
sed -i '/^panel:/d' /etc/passwd /etc/shadow /etc/group /etc/gshadow
mkdir -p /run/sshd /etc/ssh/sshd_config.d /opt/tui-admin/bin
printf '#!/bin/sh\necho "console of $(id -un): $*"\n' >/opt/tui-admin/bin/tui-admin
chmod 0755 /opt/tui-admin/bin/tui-admin
ssh-keygen -A >/dev/null
stranger() { timeout 30 setpriv --reuid 65534 --regid 65534 --clear-groups "$@" </dev/null 2>&1; }
"""
"""A machine of its own, so far as the recipe changes it: passwd, PAM, homes, logs."""


def on_a_machine(script: str) -> list[str]:
    """Follow the head of the recipe word for word, then run `script`; return what it said."""
    head = (ROOT / "deploy/sshd_force_command.conf").read_text()
    recipe = re.findall(r"^#   (.+)$", head, re.MULTILINE)
    assert recipe[-1] == "sshd -t && systemctl reload ssh"
    recipe[-1] = "sshd -t"
    done = subprocess.run(
        [*APART, "sh", "-c", "\n".join([NAMESPACE, *recipe, "set +e", script])],
        stdin=subprocess.DEVNULL,
        cwd=ROOT,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    return done.stdout.splitlines()


@pytest.fixture
def port() -> Iterator[int]:
    with reserved_port() as reserved:
        yield reserved


@pytest.fixture
def as_root() -> None:
    """Skip where there is no making a machine of one's own."""
    needed = ("unshare", "setpriv", "su", "useradd", "passwd")
    if os.geteuid() != 0 or not all(shutil.which(name) for name in needed):
        pytest.skip("it takes root and a few programs")
    tried = [*APART, "mount", "-t", "tmpfs", "ours", "/mnt"]
    if subprocess.run(tried, check=False, capture_output=True).returncode != 0:
        pytest.skip("it takes mount namespaces")


@pytest.mark.usefixtures("as_root")
def test_the_recipe_on_a_hardened_host(port: int) -> None:
    """Where passwords are off and keys are asked for, `panel` comes in with neither, to the console
    alone, and nobody else does."""
    said = on_a_machine(rf"""
cat >/etc/ssh/hardened <<'END'
Port {port}
ListenAddress 127.0.0.1
PidFile none
UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitEmptyPasswords no
AuthenticationMethods publickey
Subsystem sftp internal-sftp
Include /etc/ssh/sshd_config.d/tui-admin.conf
END
/usr/sbin/sshd -D -e -f /etc/ssh/hardened 2>/run/sshd.log &
server=$!
trap 'kill $server' EXIT
come() {{
    user=$1; shift
    ssh -F none -p {port} -o BatchMode=yes -o StrictHostKeyChecking=no -o ConnectionAttempts=20 \
        -o UserKnownHostsFile=/dev/null -o IdentityAgent=none -o LogLevel=ERROR \
        "$user@127.0.0.1" "$@" </dev/null 2>&1
    echo "$?"
}}
come panel
come panel recover TOKEN
come panel id
come panel -s sftp
come nobody
come root
""")
    only = "Only the console is here: ssh -t panel@HOST [recover LINK]"
    opened = ["console of panel: ", "0", "console of panel: recover TOKEN", "0"]
    assert said[:4] == opened
    assert said[4:6] == [only, "1"]
    assert said[6] == "1", "sftp"
    for line, code in zip(said[7::2], said[8::2], strict=True):
        assert "Permission denied (publickey)" in line
        assert code == "255"
    assert len(said) == 11


@pytest.mark.usefixtures("as_root")
def test_local_users_cannot_become_the_account() -> None:
    """T13: `su` asks local users for a password that does not exist. Had somebody emptied it
    nevertheless, no other shell than the console would be theirs."""
    said = on_a_machine("""
stranger su panel
stranger su -s /bin/sh panel -c id
passwd -d panel >/dev/null 2>&1
echo emptied
stranger su panel -c id
stranger su -s /bin/sh panel -c id
stranger env SHELL=/bin/sh su -p panel -c id
""")
    locked, emptied = said[: said.index("emptied")], said[said.index("emptied") + 1 :]
    assert sum("Authentication failure" in line for line in locked) == 2, said
    assert not any("uid=" in line or "console" in line for line in said[: len(locked)])
    assert [line for line in emptied if "restricted shell" not in line] == [
        "console of panel: "
    ] * 3
