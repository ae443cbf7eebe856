"""A search for better values with Optuna: every trial trains in a process of its own, poor ones are given up early.

Trials are compared by their lowest validation log loss; test pictures are never read. The study is kept in a database,
and each trial's run in its folder, so a search that was killed goes on where it was.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from wbc_core.datasets.checks import counted
from wbc_core.errors import WbcError
from wbc_core.jobs.attempts import Backend
from wbc_core.jobs.processes import process_name
from wbc_core.jobs.queue import BackendName, Queue
from wbc_core.jobs.search_plan import Plan, alone_on
from wbc_core.jobs.search_results import BEST, TABLE, SearchResult, TrialRow, as_csv
from wbc_core.jobs.search_space import check_parameters, own_values, suggest, varied
from wbc_core.jobs.staff import Staff
from wbc_core.jobs.trial_run import TrialRun
from wbc_core.jobs.watching import Timing
from wbc_core.recipes.spec import Recipe, recipe_yaml

log = logging.getLogger("wbc_core.jobs")

STARTUP_TRIALS = 4
"""Trials that are never given up, because the median of fewer says little."""

MOST_FAILURES = 3
"""So many failed trials and none finished: the fault is not the values'."""


class SearchStopped(WbcError):
    """A search that somebody ended; the same command continues it."""


class Search:
    """Runs the trials of one search, one after the other.

    Parameters
    ----------
    queue : Queue
        Trials are kept as jobs there, under the search's name.
    backend : Backend
        Where they train.
    recipe : Recipe
        The recipe to start from.
    plan : Plan
        What is varied.
    storage : str
        URL of Optuna's database.
    backend_name, device : str
        What the jobs say of themselves.
    timing : Timing, optional
        How patient the search is.

    Raises
    ------
    WbcError
        If the name belongs to another search, another process runs this one, or Optuna is not installed.
    """

    def __init__(
        self,
        queue: Queue,
        backend: Backend,
        recipe: Recipe,
        plan: Plan,
        *,
        storage: str,
        backend_name: BackendName = "local",
        device: str = "auto",
        timing: Timing | None = None,
    ) -> None:
        check_parameters(plan.parameters)
        self.name = f"{process_name()} search"
        self.folder = queue.runs_dir / f"search-{plan.name}"
        self._queue, self._backend, self._recipe, self._plan = queue, backend, recipe, plan
        self._backend_name, self._device, self._timing = backend_name, device, timing or Timing()
        self._storage = storage
        self._staff = Staff(queue.engine)
        self._ending = threading.Event()

    def end(self) -> None:
        """Let :meth:`run` stop soon, with what it has."""
        self._ending.set()

    def run(self, trials: int) -> SearchResult:
        """Run trials until there are so many, and write the table and the best recipe.

        Raises
        ------
        SearchStopped
            If :meth:`end` was called.
        WbcError
            If the first trials all fail.
        """
        with alone_on(self.folder, self._plan, self._recipe):
            study = self._study()
            self._staff.beat(self.name)
            try:
                while (trial := self._next(study, trials)) is not None:
                    self._run_trial(study, trial)
                    self._write(study)
            finally:
                self._staff.leave(self.name)
            return self._write(study)

    def _study(self) -> Any:
        try:
            import optuna
        except ImportError as error:
            raise WbcError(
                "A search needs the package optuna, which is not installed.",
                "Install it: pip install -c constraints.txt -r requirements.txt.",
            ) from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        pruner = optuna.pruners.MedianPruner(
            n_startup_trials=STARTUP_TRIALS, n_warmup_steps=max(1, self._plan.epochs // 4)
        )
        study = optuna.create_study(
            study_name=self._plan.name,
            storage=optuna.storages.RDBStorage(self._storage),
            pruner=pruner,
            direction="minimize",
            load_if_exists=True,
        )
        if not study.trials:  # the recipe's own values are what others have to beat
            study.enqueue_trial(own_values(self._recipe, self._plan.parameters))
        return study

    def _next(self, study: Any, trials: int) -> Any:
        """Return the trial to run: one that was under way when the search ended, or a new one; None when done."""
        from optuna.samplers import TPESampler
        from optuna.trial import Trial, TrialState

        if self._ending.is_set():
            raise SearchStopped(f"The search {self._plan.name!r} was stopped.", "The same command continues it.")
        known = study.get_trials(deepcopy=False)
        failed = [trial for trial in known if trial.state == TrialState.FAIL]
        if len(failed) >= MOST_FAILURES and not any(trial.state == TrialState.COMPLETE for trial in known):
            job = self._queue.get(failed[-1].user_attrs["job"])
            raise WbcError(f"The first {len(failed)} trials failed: {job.message}", job.hint)
        for frozen in known:
            if frozen.state == TrialState.RUNNING:
                return Trial(study, frozen._trial_id)
        started = sum(trial.state != TrialState.WAITING for trial in known)
        if started >= trials:
            return None
        # Seeded trial by trial, so that a search that was killed chooses as it would have.
        study.sampler = TPESampler(seed=(self._plan.seed * 1009 + started) % 2**31, n_startup_trials=STARTUP_TRIALS)
        return study.ask()

    def _run_trial(self, study: Any, trial: Any) -> None:
        """Bring one trial to its end, and tell Optuna of it."""
        from optuna.trial import TrialState

        run = self._trial_run(trial)
        given_up = "given_up" in trial.user_attrs
        told = 0
        while not run.ended:
            self._staff.beat(self.name)
            run.step()
            losses = [loss for loss, _ in run.validation()]
            for epoch in range(told, len(losses)):
                trial.report(losses[epoch], epoch)
            told = max(told, len(losses))
            if not given_up and 0 < told < self._plan.epochs and trial.should_prune():
                given_up = True
                trial.set_user_attr("given_up", told)
                run.give_up(f"Given up after {counted(told, 'epoch')}: others were better by then.")
            self._pause(run)
        losses = [loss for loss, _ in run.validation()]
        if run.job.state == "finished" and losses:
            study.tell(trial, min(losses))
        else:
            study.tell(trial, state=TrialState.PRUNED if given_up else TrialState.FAIL)
        best = f"lowest validation log loss {min(losses):.4f}" if losses else "no epoch finished"
        log.info("Trial %d, job %s: %s, %s.", trial.number, run.job.id, run.job.state, best)

    def _pause(self, run: TrialRun) -> None:
        """Wait for the next look; when the search is to end, let the training stop first."""
        if not self._ending.is_set():
            self._ending.wait(self._timing.poll_s)
        elif run.training:
            run.shut_down()
            time.sleep(min(self._timing.poll_s, 0.1))
        else:
            raise SearchStopped(f"The search {self._plan.name!r} was stopped.", "The same command continues it.")

    def _trial_run(self, trial: Any) -> TrialRun:
        """Return the trial's run: the one it has, or a new job."""
        # Asked for every time: Optuna gives a trial that it knows the values it gave before.
        values = suggest(trial, self._recipe, self._plan.parameters)
        if "job" in trial.user_attrs:
            job = self._queue.get(trial.user_attrs["job"])
        else:
            number = trial.number
            recipe = varied(
                self._recipe, values, epochs=self._plan.epochs, suffix=f"-t{number}", title=f"(trial {number})"
            )
            job = self._queue.submit(
                recipe,
                backend=self._backend_name,
                device=self._device,
                search_id=self._plan.name,
                worker=self.name,
            )
            trial.set_user_attr("job", job.id)
            trial.set_user_attr("values", values)
            log.info("Trial %d, job %s: %s.", number, job.id, values)
        return TrialRun(self._queue, self._backend, self._staff, job, self.name, self._timing)

    def _write(self, study: Any) -> SearchResult:
        """Write the table and, as soon as a trial has finished, the best recipe."""
        from optuna.trial import TrialState

        outcomes = {TrialState.COMPLETE: "finished", TrialState.PRUNED: "given up", TrialState.FAIL: "failed"}
        rows = []
        for trial in study.get_trials(deepcopy=False):
            if "job" not in trial.user_attrs:
                continue
            job = self._queue.get(trial.user_attrs["job"])
            epochs = TrialRun(self._queue, self._backend, self._staff, job, "", self._timing).validation()
            loss, accuracy = min(epochs, default=(None, None))
            outcome = outcomes.get(trial.state, "running")
            values = trial.user_attrs["values"]
            rows.append(TrialRow(trial.number, job.id, outcome, values, len(epochs), loss, accuracy))
        (self.folder / TABLE).write_text(as_csv(rows), encoding="utf-8")
        finished = [row for row in rows if row.outcome == "finished" and row.val_loss is not None]
        if not finished:
            return SearchResult(self._plan.name, self.folder, tuple(rows), None, None)
        best = min(finished, key=lambda row: (row.val_loss, row.number))
        path = self.folder / BEST
        path.write_text(recipe_yaml(self._best_recipe(best, len(rows))), encoding="utf-8")
        return SearchResult(self._plan.name, self.folder, tuple(rows), best.number, path)

    def _best_recipe(self, best: TrialRow, trials: int) -> Recipe:
        chosen = ", ".join(name.replace("_", " ") for name in self._plan.parameters)
        return varied(
            self._recipe,
            best.values,
            epochs=self._recipe.epochs,
            suffix="-best",
            title="(best of a search)",
            note=f"Chosen by validation log loss among {counted(trials, 'trial')} of "
            f"{counted(self._plan.epochs, 'epoch')}: {chosen}.",
        )
