using LoraAspire.ChatClients;
using LoraAspire.Evaluator;
using LoraAspire.Model.Native;
using LoraAspire.Pipelines.Stages;
using LoraAspire.ServiceDefaults;

return await StageService.RunAsync<EvaluatorParams, EvaluateStage>(args, StageKinds.Evaluator, LibTorch.Load, ChatModels.AddTo);
