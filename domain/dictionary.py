"""The data dictionary: every table, parents before the tables that refer to them."""

from domain.department import DEPARTMENTS
from domain.employee import HIRED_EMPLOYEES
from domain.job import JOBS
from domain.table import Table

TABLES: dict[str, Table] = {table.name: table for table in (DEPARTMENTS, JOBS, HIRED_EMPLOYEES)}
