using LoraAspire.Pipelines.Stages;
using LoraAspire.ServiceDefaults;
using LoraAspire.Trainer;

return OwnCommands.Run(args) ?? await StageService.RunAsync<TrainerParams, TrainStage>(args, StageKinds.Trainer);
