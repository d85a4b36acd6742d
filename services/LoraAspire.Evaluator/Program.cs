using LoraAspire.Evaluator;
using LoraAspire.Model.Native;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddStage<EvaluatorParams, EvaluateStage>(StageKinds.Evaluator, LibTorch.Load);
var app = builder.Build();
app.MapDefaultEndpoints();
return await app.RunStageAsync(args);
