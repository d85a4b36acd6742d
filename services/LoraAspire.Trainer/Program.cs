using LoraAspire.Model.Native;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Trainer;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddStage<TrainerParams, TrainStage>(StageKinds.Trainer, LibTorch.Load);
var app = builder.Build();
app.MapDefaultEndpoints();
return await app.RunStageAsync(args);
