rule plan:
    """Write down what the study asks for; another study is another file, so what follows is redone."""
    output:
        PLAN,
    log:
        f"{LOGS}/plan.log",
    params:
        command=COMMAND,
        scale=STUDY.scale,
    shell:
        "{params.command} plan --scale {params.scale} --output {output} > {log} 2>&1"


rule aggregate:
    """Collect the records in one table, failures included."""
    input:
        NEWS,
        [str(FOLDERS.card(name, dataset.key)) for name, dataset in DATASETS.items()],
    output:
        report(RUN_TABLE, caption="../report/runs.rst", category="Runs"),
    log:
        f"{LOGS}/aggregate.log",
    params:
        command=COMMAND,
        scale=STUDY.scale,
    shell:
        "{params.command} aggregate --scale {params.scale} 2>&1 | tee {log}"


rule render:
    """Render the report."""
    input:
        RUN_TABLE,
        PHYSICS,
    output:
        report(REPORT, caption="../report/report.rst", category="Report"),
    log:
        f"{LOGS}/report.log",
    params:
        command=COMMAND,
        scale=STUDY.scale,
    shell:
        "{params.command} report --scale {params.scale} 2>&1 | tee {log}"
