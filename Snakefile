include: "workflow/Snakefile"


localrules:
    all,


rule all:  # the default; Snakemake takes none from an included file
    input:
        REPORT,
        DERIVED,
        signals,
