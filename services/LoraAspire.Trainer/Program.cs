using LoraAspire.Model.Native;
using LoraAspire.Pipelines.Stages;
using LoraAspire.ServiceDefaults;
using LoraAspire.Trainer;

return await StageService.RunAsync<TrainerParams, TrainStage>(args, StageKinds.Trainer, LibTorch.Load);
