using LoraAspire.Merger;
using LoraAspire.Model.Native;
using LoraAspire.Pipelines.Stages;
using LoraAspire.ServiceDefaults;

return await StageService.RunAsync<MergerParams, MergeStage>(args, StageKinds.Merger, LibTorch.Load);
