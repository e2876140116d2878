"""LaDID Bench: data, runs, run table, report. Every rule calls one ``ladid-bench`` command."""

include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/runs.smk"
include: "workflow/rules/report.smk"


localrules: everything, data, runs, report, plan, measured, card, aggregate, render


rule everything:
    default_target: True
    input: REPORT, NEWS


rule data:
    input: [path for dataset in DATASETS.values() for path in dataset.files(FOLDERS).values()]


rule runs:
    input: RUN_TABLE, NEWS


rule report:
    input: REPORT, NEWS


onstart:
    print(describe_plan(STUDY, CHOSEN, set(TO_DO), workflow.cores or 1, GPU), file=sys.stderr)


onerror:
    # runs that were killed could not write their rows; the report is made without them
    shell(f"{COMMAND} aggregate --scale {STUDY.scale} && {COMMAND} report --scale {STUDY.scale} || true")
