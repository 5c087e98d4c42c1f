"""The story's table: 21 beads of the repository *harbor*, one row each, with what became of them and when."""

from __future__ import annotations

from gastown_desktop.tour.lives import (
    Answered,
    Asks,
    Collides,
    Gate,
    Lands,
    Pauses,
    Row,
    SentBack,
    Starts,
    Submits,
    Told,
    Worked,
)

API, SESSIONS = "cv-4rl1m", "cv-9s3ss"
TITLES = {API: "Rate limits for the public API", SESSIONS: "Retire legacy sessions"}
OPUS, SONNET, HAIKU, FABLE = "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-fable-5-2"

_API = (
    Row(
        id="hb-3kq9x", convoy=API, title="Token bucket core", size="S", model=OPUS,
        likely="1.05", at_most="1.80", worker="Furiosa",
        files=("limits/bucket.py", "limits/__init__.py", "tests/limits/test_bucket.py"),
        life=(
            Starts("13:06:10"),
            Worked("13:26:40", 13, "1.12", (4, 4), (164, 3), 3),
            Submits("13:26:52", "pytest tests/limits, 21 passed"),
            Lands("13:31:09"),
        ),
    ),
    Row(
        id="hb-m20vt", convoy=API, title="Parse limits from harbor.toml", size="S", model=SONNET,
        likely="0.55", at_most="0.95", worker="Keeper",
        files=("config/limits.py", "config/schema.py", "tests/config/test_limits.py"),
        life=(
            Starts("13:06:12"),
            Worked("13:33:50", 11, "0.58", (4, 4), (96, 7), 3),
            Submits("13:34:20", "pytest tests/config, 17 passed"),
            Lands("13:38:22"),
        ),
    ),
    Row(
        id="hb-1ye7b", convoy=API, title="Usage table migration", size="S", model=SONNET,
        likely="0.50", at_most="0.90", worker="Capable", labels=("review",),
        files=("migrations/0042_usage.py", "db/usage.py"),
        life=(
            Starts("14:14:30", 20),
            Worked("14:15:20", 4, "0.49", (5, 5), (58, 0), 2, 2),
            Asks(
                "14:15:30", "review", "Touches migrations/: read before landing", ("Review 58 lines",), "done"
            ),
            Answered("14:44:10", "Approved"),
            Worked("14:44:50", 1, "0.57", (5, 5), (58, 0), 2, 0),
            Submits("14:45:10", "pytest tests/db, 9 passed"),
            Lands("15:14:06"),
        ),
    ),
    Row(
        id="hb-2pl8d", convoy=API, title="Limit headers in the OpenAPI spec", size="S", model=HAIKU,
        likely="0.07", at_most="0.15", worker="Cheedo", files=("docs/openapi.yaml",),
        life=(
            Starts("14:23:05", 25),
            Worked("14:29:40", 6, "0.06", (4, 4), (76, 12), 1, 3),
            Submits("14:29:50", "openapi-lint, no findings", "submitting"),
            Lands("15:14:04"),
        ),
    ),
    Row(
        id="hb-7d1ma", convoy=API, title="Bucket state in Redis", size="M", model=OPUS,
        likely="2.10", at_most="3.55", worker="Ace", waits=("hb-3kq9x",),
        files=(
            "limits/store.py", "limits/take.lua", "gateway/admit.py", "tests/limits/test_store.py",
            "tests/limits/conftest.py", "pyproject.toml",
        ),
        life=(
            Starts("13:20:40", 20),
            Worked("13:21:35", 1, "0.19", (0, 6), (0, 0), 0, 0),
            Worked("13:41:12", 12, "1.42", (3, 6), (122, 9), 4, 4),
            Worked("13:41:50", 1, "1.49", (4, 6), (140, 16), 5, 1),
            Worked("13:44:50", 2, "1.61", (4, 6), (188, 16), 5, 1),
            Worked("13:56:20", 5, "2.35", (5, 6), (231, 18), 6, 2),
            Worked("13:58:00", 1, "2.46", (6, 6), (231, 18), 6, 0),
            Submits("13:58:04", "pytest tests/limits, 38 passed"),
            Lands("14:02:11", "e20b6d4"),
        ),
    ),
    Row(
        id="hb-x4h6s", convoy=API, title="Count requests in the gateway", size="M", model=OPUS,
        likely="1.60", at_most="2.20", worker="Dag", waits=("hb-3kq9x", "hb-m20vt"),
        files=(
            "gateway/count.py", "api/middleware.py", "gateway/metrics.py", "tests/gateway/test_count.py",
            "tests/gateway/test_admit.py",
        ),
        life=(
            Starts("13:53:52", 29),
            Worked("14:25:30", 16, "1.37", (6, 6), (142, 37), 5, 4),
            Submits("14:25:40", "pytest tests/gateway, 33 passed"),
            Collides("14:25:52", ("gateway/admit.py", "harbor.toml")),
            Asks(
                "14:26:00", "conflict",
                "2 files collide with hb-7d1ma\nA proposal is ready, its gates green.",
                ("Resolve…", "Look at the proposal"), "done",
            ),
            Answered("14:40:20", "Used the proposal for all 4 chunks"),
            Worked("14:46:10", 5, "2.12", (6, 6), (161, 44), 6, 2),
            Submits("14:46:20", "pytest tests/gateway, 36 passed"),
            Lands("15:24:40"),
        ),
    ),
    Row(
        id="hb-q8w1e", convoy=API, title="429 with Retry-After header", size="S", model=OPUS,
        likely="0.95", at_most="1.60", worker="Slit", waits=("hb-m20vt",),
        files=("api/errors.py", "api/responses.py", "tests/api/test_errors.py"),
        life=(
            Starts("14:10:50", 28),
            Worked("14:27:50", 9, "0.71", (3, 5), (64, 9), 3),
            Asks(
                "14:28:05", "question",
                "Seconds or HTTP date?\nClients of v1 parse both.",
                ("Seconds", "HTTP date"),
            ),
            Answered("14:34:20", "Seconds"),
            Worked("15:08:30", 11, "1.66", (5, 5), (118, 14), 4, 3),
            Submits("15:08:50", "pytest tests/api, 44 passed"),
            Lands("15:14:08"),
        ),
    ),
    Row(
        id="hb-wc93k", convoy=API, title="Load test: 2,000 keys, 5 minutes", size="L", model=OPUS,
        likely="2.20", at_most="2.40", worker="Morsov", waits=("hb-3kq9x",),
        files=("load/keys.py", "load/README.md"),
        life=(
            Starts("13:43:40", 33),
            Worked("14:15:50", 20, "1.92", (2, 6), (97, 3), 2, 2),
            Asks(
                "14:16:00", "stuck", "No progress for 16 m, nudged once\nLast: waiting for port 6379",
                ("Message…", "Fresh context, about $0.30"), "stuck",
            ),
            Answered("15:20:10", "Fresh context"),
            Worked("15:44:50", 8, "2.71", (4, 6), (97, 3), 2, 0),
            Pauses("15:46:08"),
        ),
    ),
    Row(
        id="hb-9zr4c", convoy=API, title="Limit middleware for /v1 routes", size="M", model=OPUS,
        likely="2.25", at_most="3.20", worker="Nux", waits=("hb-7d1ma",),
        description="Check the caller’s bucket before authentication. Internal callers and health routes "
        "pass. Reject with 429.",
        acceptance="Blocked key makes no database read",
        files=(
            "api/middleware.py", "api/routes/v1.py", "limits/policy.py", "tests/api/test_middleware.py",
            "docs/errors.md",
        ),
        life=(
            Starts("14:02:40", 30),
            Worked("14:22:40", 15, "1.47", (3, 7), (82, 28), 4, 3),
            Worked("14:24:10", 1, "1.58", (4, 7), (82, 28), 4, 0),
            Worked("14:27:20", 1, "1.70", (4, 7), (82, 28), 4, 0),
            Told("14:28:06", "Keep /health out of the limits.", "14:29:00", 17),
            Worked("14:29:40", 1, "1.84", (4, 7), (120, 34), 5, 1),
            Worked("15:16:30", 11, "3.31", (4, 7), (204, 51), 5, 2),
            Worked("15:24:20", 1, "3.41", (4, 7), (204, 51), 5, 0),
            Worked("15:29:10", 1, "3.52", (5, 7), (204, 51), 5, 0),
            Worked("15:35:20", 1, "3.64", (5, 7), (204, 51), 5, 0),
            Told("15:38:06", "Keep /health out of the limits.", "15:40:00", 32),
            Worked("15:40:40", 1, "3.78", (5, 7), (231, 57), 5, 1),
            Worked("15:44:30", 1, "4.05", (5, 7), (236, 57), 5, 1),
            Pauses("15:46:08"),
        ),
    ),
    Row(
        id="hb-k5t0n", convoy=API, title="Per-key quotas in the admin API", size="M", model=OPUS,
        likely="2.40", at_most="3.40", worker="Toast", waits=("hb-m20vt",),
        files=(
            "admin/quotas.py", "admin/keys.py", "admin/routes.py", "admin/schema.py", "db/keys.py",
            "tests/admin/test_quotas.py", "tests/admin/test_keys.py", "docs/admin.md",
        ),
        life=(
            Starts("13:51:50", 30),
            Worked("14:00:20", 4, "0.41", (1, 8), (48, 12), 3, 1),
            Told("14:00:37", "Keep the old quota endpoint for one release.", "14:01:52", 4),
            Worked("14:01:52", 1, "0.50", (1, 8), (61, 20), 4, 1),
            Worked("14:30:50", 17, "2.13", (5, 8), (206, 58), 8, 3),
            Worked("15:17:10", 14, "3.72", (6, 8), (288, 97), 8, 2),
            Worked("15:44:20", 6, "4.41", (7, 8), (301, 99), 8, 2),
            Pauses("15:46:08"),
        ),
    ),
    Row(
        id="hb-r7uf3", convoy=API, title="Burst allowance for internal callers", size="S", model=SONNET,
        likely="0.70", at_most="1.20", worker="Rictus", waits=("hb-m20vt",),
        files=("limits/burst.py", "tests/limits/test_burst.py"),
        life=(
            Starts("14:17:50", 28),
            Worked("14:31:20", 8, "0.66", (2, 5), (31, 4), 2, 2),
            Worked("14:51:50", 6, "1.15", (5, 5), (74, 9), 2, 2),
            Submits("14:52:00", "pytest tests/limits, 43 passed"),
            Lands("15:24:42"),
        ),
    ),
    Row(
        id="hb-0vjq5", convoy=API, title="Metrics: limited requests by route", size="M", model=OPUS,
        likely="1.50", at_most="2.30", worker="Valkyrie", waits=("hb-7d1ma",),
        files=("metrics/limits.py", "metrics/__init__.py", "tests/test_limit_metrics.py", "docs/metrics.md"),
        life=(
            Starts("14:12:40", 30),
            Worked("14:31:00", 9, "1.05", (3, 6), (88, 10), 4, 3),
            Worked("15:17:20", 10, "2.15", (5, 6), (88, 10), 4, 0),
            Worked("15:36:30", 8, "2.96", (6, 6), (88, 10), 4, 0),
            Submits("15:36:40", "pytest tests, 12 passed"),
        ),
    ),
    Row(
        id="hb-f6n2g", convoy=API, title="Docs: rate limits for clients", size="S", model=HAIKU,
        likely="0.10", at_most="0.25", worker="Jack", waits=("hb-m20vt",), files=("docs/rate-limits.md",),
        life=(
            Starts("14:25:38", 20),
            Worked("14:31:30", 5, "0.09", (2, 4), (64, 0), 1, 2),
            Worked("14:55:50", 4, "0.14", (4, 4), (118, 2), 1, 1),
            Submits("14:56:10", "links checked"),
            Lands("15:24:44"),
        ),
    ),
    Row(
        id="hb-8sbz0", convoy=API, title="Switch limits on behind a flag", size="S", model=OPUS,
        likely="0.90", at_most="1.50", renewed="0.81", worker="Ace",
        waits=("hb-9zr4c", "hb-k5t0n", "hb-q8w1e"),
        files=("config/flags.py", "api/app.py", "tests/test_flags.py"),
        life=(
            Starts("15:18:05", 40),
            Worked("15:44:40", 9, "0.92", (3, 4), (47, 6), 3, 3),
            Pauses("15:46:08"),
        ),
    ),
)  # fmt: skip

_SESSIONS = (
    Row(
        id="hb-y6k8a", convoy=SESSIONS, title="Session tests on the new store", size="M", model=SONNET,
        likely="0.95", at_most="1.40", worker="Maadi",
        files=("tests/sessions/test_store.py", "tests/sessions/conftest.py"),
        life=(
            Starts("14:05:50", 30),
            Worked("14:22:40", 10, "0.88", (4, 6), (188, 41), 6, 4),
            Asks("14:23:00", "question", "Add fakeredis as a test dependency?", ("Yes", "No")),
            Answered("14:35:10", "Yes"),
            Worked("15:17:40", 6, "1.45", (5, 6), (188, 41), 6, 0),
            Worked("15:39:30", 5, "2.06", (6, 6), (188, 41), 6, 0),
            Submits("15:39:40", "pytest tests/sessions, 31 passed"),
        ),
    ),
    Row(
        id="hb-u1d4r", convoy=SESSIONS, title="Delete the cookie fallback", size="S", model=SONNET,
        likely="0.75", at_most="1.10", worker="Coma",
        files=("sessions/cookies.py", "sessions/login.py", "tests/sessions/test_login.py"),
        life=(
            Starts("13:47:40", 26),
            Worked("13:49:03", 1, "0.05", (1, 5), (0, 0), 0, 0),
            Worked("14:20:20", 13, "0.74", (5, 5), (22, 174), 7, 4),
            Asks(
                "14:21:00", "red", "Gate red in 3 rounds: test_login_cookie",
                ("Open diff", "Start fresh, about $0.80", "Discard…"), "failed",
            ),
        ),
    ),
    Row(
        id="hb-t3x7p", convoy=SESSIONS, title="Read sessions through the new store", size="M", model=OPUS,
        likely="1.80", at_most="2.60", worker="Giddy",
        files=("sessions/store.py", "sessions/read.py", "tests/sessions/test_read.py"),
        life=(
            Starts("13:58:24", 31),
            Worked("14:30:40", 12, "1.31", (5, 7), (133, 61), 6, 3),
            Worked("14:59:10", 10, "2.86", (6, 7), (133, 61), 6, 0),
            Submits(
                "14:59:20", "pytest tests/sessions, 29 passed", "submitting",
                ("tests/sessions/conftest.py: it says what is tested",),
            ),
            SentBack("15:25:30", "The gate is red: tests/sessions/test_store.py"),
            Worked("15:44:10", 2, "3.12", (6, 7), (133, 61), 6, 0),
            Pauses("15:46:08"),
        ),
    ),
    Row(
        id="hb-5gq0h", convoy=SESSIONS, title="Migrate stored sessions in batches", size="M", model=OPUS,
        likely="2.00", at_most="2.90", worker="Corpus",
        files=("sessions/migrate.py", "sessions/batches.py", "tests/sessions/test_migrate.py"),
        life=(
            Starts("14:02:50", 30),
            Worked("14:31:10", 14, "1.58", (3, 6), (174, 20), 4, 4),
            Worked("15:16:50", 8, "2.55", (5, 6), (174, 20), 4, 0),
            Worked("15:37:50", 7, "3.44", (6, 6), (174, 20), 4, 0),
            Submits("15:38:00", "pytest tests/sessions, 37 passed"),
        ),
    ),
    Row(
        id="hb-c0m5w", convoy=SESSIONS, title="Log out everywhere: new endpoint", size="M", model=OPUS,
        likely="1.40", at_most="2.00", worker="Glory",
        files=("sessions/logout.py", "api/routes/logout.py", "tests/sessions/test_logout.py"),
        life=(
            Starts("14:31:34", 52),
            Worked("15:16:10", 10, "1.15", (2, 5), (91, 4), 3, 4),
            Worked("15:44:00", 5, "1.71", (4, 5), (130, 11), 3, 2),
            Pauses("15:46:08"),
        ),
    ),
    Row(
        id="hb-n4v1l", convoy=SESSIONS, title="Session metrics on the dashboard", size="S", model=SONNET,
        likely="0.50", at_most="0.80", worker="Keeper", waits=("hb-5gq0h",), files=("dashboard/sessions.py",),
        life=(
            Starts("15:33:40", 30),
            Worked("15:44:55", 4, "0.29", (1, 4), (18, 0), 1, 1),
            Pauses("15:46:08"),
        ),
    ),
    Row(
        id="hb-j9w0m", convoy=SESSIONS, title="Remove legacy_session.py", size="S", model=OPUS,
        likely="0.60", at_most="0.95", waits=("hb-y6k8a", "hb-u1d4r"), files=("sessions/legacy_session.py",),
    ),
)  # fmt: skip

BEADS = _API + _SESSIONS
"""In planning order."""

GATES = (
    Gate("13:05:50", 214, green=True, beads=(), purpose="base"),
    Gate("13:31:07", 217, green=True, beads=("hb-3kq9x",)),
    Gate("13:38:20", 215, green=True, beads=("hb-m20vt",)),
    Gate("14:02:10", 221, green=True, beads=("hb-7d1ma",)),
    Gate(
        "15:02:10", 218, green=False, tail="FAILED tests/sessions/test_store.py::test_reads_old_rows",
        beads=("hb-2pl8d", "hb-1ye7b", "hb-q8w1e", "hb-x4h6s", "hb-r7uf3", "hb-f6n2g", "hb-t3x7p"),
    ),
    Gate("15:14:02", 218, green=True, beads=("hb-2pl8d", "hb-1ye7b", "hb-q8w1e")),
    Gate("15:21:07", 218, green=True, beads=("hb-x4h6s", "hb-r7uf3")),
    Gate("15:24:38", 211, green=True, beads=("hb-x4h6s", "hb-r7uf3", "hb-f6n2g")),
)  # fmt: skip
"""Runs of the gates in the order in which they ended."""

COURSE = (
    ("13:00:00", "0.05", "0.00", "0.00"),
    ("13:02:00", "0.43", "0.00", "0.00"),
    ("13:04:00", "0.62", "0.00", "0.00"),
    ("13:05:31", "0.62", "0.00", "0.00"),
    ("13:15:36", "3.00", "1.20", "0.00"),
    ("13:31:00", "6.30", "1.70", "0.00"),
    ("13:43:00", "8.90", "1.60", "0.00"),
    ("13:52:11", "10.26", "1.52", "0.00"),
    ("14:02:11", "12.61", "1.52", "0.00"),
    ("14:11:00", "15.10", "1.90", "0.00"),
    ("14:11:30", "15.20", "1.72", "0.18"),
    ("14:22:08", "17.54", "1.86", "0.18"),
    ("14:32:08", "20.14", "1.86", "0.18"),
    ("15:08:41", "28.66", "1.74", "0.18"),
    ("15:18:41", "31.06", "1.74", "0.18"),
    ("15:44:55", "37.20", "0.60", "0.18"),
    ("15:46:08", "37.62", "0.00", "0.18"),
)
"""Where the town's meter stood: time, settled, held, assumed; in between it went straight."""

REQUESTS = {
    "hb-7d1ma": (41, 2_800, 93, 48),
    "hb-k5t0n": (38, 2_440, 93, 41),
    "hb-wc93k": (44, 2_430, 93, 31),
    "hb-9zr4c": (33, 2_090, 93, 36),
    "hb-5gq0h": (31, 1_830, 93, 30),
    "hb-x4h6s": (36, 1_550, 93, 27),
}
"""At 14:32: requests, prompt tokens in thousands, percent of these from the cache, the same of replies."""

OTHER_SPENDING = (
    ("13:04:00", "mayor", FABLE, "0.62"),
    ("13:22:40", "mayor", FABLE, "0.31"),
    ("14:26:00", "resolver", OPUS, "0.22"),
    ("14:40:10", "resolver", OPUS, "0.20"),
)
"""What no worker spent: time, role, model, dollars."""
