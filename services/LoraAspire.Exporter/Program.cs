using LoraAspire.Exporter;
using LoraAspire.Pipelines.Stages;
using LoraAspire.ServiceDefaults;

return await StageService.RunAsync<ExporterParams, ExportStage>(args, StageKinds.Exporter);
