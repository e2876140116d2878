rule plan:
    """Write down what the study asks for; another study is another file, so what follows is redone."""
    output:
        PLAN,
    shell:
        "ladid-bench plan --scale {STUDY.scale} --cores {workflow.cores} --output {output} > /dev/null"


rule aggregate:
    """Collect the records in one table, failures included."""
    input:
        PLAN,
        [str(FOLDERS.card(name, dataset.key)) for name, dataset in DATASETS.items()],
        [f"{OUTCOME}/{key}.json" for key in RUNS if key in TO_DO],
    output:
        report(RUN_TABLE, caption="../report/runs.rst", category="Runs"),
    shell:
        "ladid-bench aggregate --scale {STUDY.scale}"


rule render:
    """Render the report."""
    input:
        RUN_TABLE,
    output:
        report(REPORT, caption="../report/report.rst", category="Report"),
    shell:
        "ladid-bench report --scale {STUDY.scale}"
