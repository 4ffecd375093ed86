"""doit's other commands at pdp's door; those that mean nothing for a pipeline of pdp say what does."""

from __future__ import annotations

from dbm import whichdb
from typing import Any

from doit.cmd_completion import TabCompletion
from doit.cmd_dumpdb import DumpDB
from doit.cmd_forget import Forget
from doit.cmd_help import Help
from doit.cmd_ignore import Ignore
from doit.cmd_info import Info
from doit.cmd_list import List
from doit.cmd_resetdep import ResetDep
from doit.cmd_strace import Strace
from doit.exceptions import InvalidCommand

from pdp.doit_door import AtTheDoor
from pdp.errors import UsageError


class PdpHelp(AtTheDoor, Help):
    name = "help"


class PdpList(AtTheDoor, List):
    name = "list"


class PdpForget(AtTheDoor, Forget):
    name = "forget"


class PdpTabCompletion(AtTheDoor, TabCompletion):
    name = "tabcompletion"


class PdpInfo(AtTheDoor, Info):
    name = "info"

    def _execute(self, pos_args: Any, hide_status: bool = False) -> Any:
        if len(pos_args) == 1 and pos_args[0] not in {task.name for task in self.task_list}:
            raise InvalidCommand(not_found=pos_args[0])
        return super()._execute(pos_args, hide_status)


class PdpIgnore(AtTheDoor, Ignore):
    name = "ignore"

    def execute(self, params: Any, args: Any) -> Any:
        if not args:
            raise UsageError("doit ignore skips no task of its own choice", hint="name one: doit ignore merge")
        return super().execute(params, args)


class PdpResetDep(AtTheDoor, ResetDep):
    name = "reset-dep"

    def refused(self, params: Any) -> UsageError:
        return UsageError(
            "doit reset-dep cannot make a stage current: pdp knows by their content what its outputs were made from",
            hint="pdp why says what a run would do, doit does it",
        )


class PdpStrace(AtTheDoor, Strace):
    name = "strace"

    def refused(self, params: Any) -> UsageError:
        return UsageError(
            "doit strace sees programs only, and stages are functions",
            hint="pdp lineage says what each output was made from",
        )


class PdpDumpDB(AtTheDoor, DumpDB):
    name = "dumpdb"

    def execute(self, opt_values: Any, pos_args: Any) -> Any:
        if not whichdb(opt_values["dep_file"]):
            raise UsageError(
                f"{opt_values['dep_file']} is no database of doit's own",
                hint="what a pipeline of pdp remembers is in its registry: pdp status, pdp history and pdp lineage show it",
            )
        return DumpDB.execute(self, opt_values, pos_args)
