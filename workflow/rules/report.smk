rule outdated:
    """Signal that the run table or the report is of other records, another plan or other code than today's."""
    output:
        temp(touch(f"{FOLDERS.work}/outdated/{{what}}")),


rule aggregate:
    """Collect the records in one table, failures included."""
    input:
        rows,
        ancient([str(FOLDERS.card(name, dataset.key)) for name, dataset in DATASETS.items()]),
        lambda wildcards: signal_that("table"),
    output:
        report(RUN_TABLE, caption="../report/runs.rst", category="Runs"),
    log:
        f"{LOGS}/aggregate.log",
    params:
        command=COMMAND,
        scale=STUDY.scale,
    shell:
        "{params.command} aggregate --scale {params.scale} > {log} 2>&1"


rule render:
    """Render the report; one of a study whose runs all failed has no figures and no tables."""
    input:
        table_to_render,
        ancient(PHYSICS),
        lambda wildcards: signal_that("report"),
    output:
        page=report(REPORT, caption="../report/report.rst", category="Report"),
        figures=report(
            directory(f"{FOLDERS.report.parent}/figures"),
            patterns=["{name}.svg"],
            caption="../report/figures.rst",
            category="Figures",
            labels={"figure": "{name}"},
        ),
        tables=report(
            directory(f"{FOLDERS.report.parent}/tables"),
            patterns=["{name}.csv"],
            caption="../report/tables.rst",
            category="Tables",
            labels={"table": "{name}"},
        ),
    log:
        f"{LOGS}/report.log",
    params:
        command=COMMAND,
        scale=STUDY.scale,
    shell:
        "{params.command} report --scale {params.scale} > {log} 2>&1 && " "mkdir -p {output.figures} {output.tables}"
