"""All mutants on their list: each module puts its own there when it is imported."""

# ruff: noqa: F401 - imported for what they put on the list

import mutants_alarms
import mutants_answers
import mutants_cases
import mutants_letters
import mutants_line
import mutants_loops
import mutants_people
import mutants_plans
import mutants_services
import mutants_shifts
from mutants import MUTANTS, Mutant

__all__ = ["MUTANTS", "Mutant"]
