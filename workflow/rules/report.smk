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


def physics_results():
    """What the physics checks measured, where they have ever run; it changes only where there is news."""
    path = Path("results/physics.json")
    return [str(path)] if path.exists() else []


rule render:
    """Render the report."""
    input:
        RUN_TABLE,
        physics_results(),
    output:
        report(REPORT, caption="../report/report.rst", category="Report"),
    log:
        f"{LOGS}/report.log",
    params:
        command=COMMAND,
        scale=STUDY.scale,
    shell:
        "{params.command} report --scale {params.scale} 2>&1 | tee {log}"
