using LoraAspire.Pipelines.Stages;
using LoraAspire.ServiceDefaults;
using LoraAspire.Trainer;
using LoraAspire.Trainer.Ranks;

return args is [RankSeat.Word] ? RankProgram.Run() : await StageService.RunAsync<TrainerParams, TrainStage>(args, StageKinds.Trainer);
